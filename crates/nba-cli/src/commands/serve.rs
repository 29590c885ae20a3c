//! `nba serve`.

use super::Code;
use super::evidence::{chapters, rows};
use super::health::{measure, record, show};
use super::watch::{Watch, folder};
use crate::cli::monitor::ServeArgs;
use crate::context::{Context, baseline_name};
use anyhow::{Context as _, bail};
use nba_config::Config;
use nba_monitoring::baseline::{Baseline, BaselineError};
use nba_monitoring::health::HealthOptions;
use nba_monitoring::serve::{Proxy, ServeOptions, Token, serve};
use nba_utils::exit_code;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn run(context: &Context, args: &ServeArgs) -> anyhow::Result<Code> {
    let config = Arc::new(context.config()?);
    let mut options = ServeOptions::new(args.listen, folder(&config)?);
    options.token = args.token_file.as_deref().map(token).transpose()?;
    options.proxy = proxy(args)?;
    let ledger = Context::ledger(&config)?;
    options.evidence = Arc::new(move || rows(&ledger));
    let known = Arc::clone(&config);
    options.chapters = Arc::new(move || chapters(&known).map_err(|error| format!("{error:#}")));
    let json = context.out.json;
    let ready = |address: std::net::SocketAddr| {
        let url = format!("http://{address}");
        if json {
            // One line, so that a program that started this knows where it is.
            let _ = context
                .out
                .json_line(&serde_json::json!({ "listening": url }));
        } else {
            context
                .out
                .line(&format!("listening on {url}, Ctrl-C ends it"));
        }
    };
    if args.read_only {
        serve(options, ready).await?;
        return Ok(exit_code::PROVEN);
    }
    // Not being configured is a usage error; not being reachable is a finding.
    config.database()?;
    let Some(watch) = Watch::open(context, &config, Duration::from_secs(args.interval))? else {
        bail!("another process watches this project; `nba serve --read-only` shows what it sees");
    };
    tokio::select! {
        served = serve(options, ready) => served?,
        looked = looks(context, &config, args, watch) => looked?,
    }
    Ok(exit_code::PROVEN)
}

/// Looks until it is stopped.
async fn looks(
    context: &Context,
    config: &Config,
    args: &ServeArgs,
    mut watch: Watch,
) -> anyhow::Result<()> {
    let baseline = match Baseline::load(
        &Context::baselines(config)?,
        &baseline_name(&args.baseline)?,
    ) {
        Ok(baseline) => Some(baseline),
        Err(BaselineError::Missing { .. }) => {
            context.out.note(&format!(
                "there is no baseline `{}`: only the live checks are made; `nba baseline capture` takes one",
                args.baseline
            ));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(args.interval));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut options = HealthOptions::default();
    for number in 0_u64.. {
        ticks.tick().await;
        let due = args.health_every > 0 && number.is_multiple_of(args.health_every);
        let report = match &baseline {
            Some(baseline) if due => {
                let report = measure(context, config, baseline, &options).await?;
                options.check_number += 1;
                record(context, config, &report)?;
                Some(report)
            }
            _ => None,
        };
        let tick = watch.look(context, config, report.as_ref()).await;
        if context.out.json {
            context.out.json_line(&tick)?;
        }
        show(context, &tick);
    }
    Ok(())
}

/// The proxy that is believed, when one is named.
fn proxy(args: &ServeArgs) -> anyhow::Result<Option<Proxy>> {
    let (Some(header), Some(secret)) = (&args.proxy_header, &args.proxy_secret_file) else {
        return Ok(None);
    };
    let proxy = Proxy::new(header, token(secret)?)?
        .only_users(args.proxy_user.clone())?
        .only_from(&args.proxy_peer)?;
    Ok(Some(proxy))
}

fn token(path: &Path) -> anyhow::Result<Token> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token in `{}`", path.display()))?;
    match Token::new(&text) {
        Some(token) => Ok(token),
        None => bail!(
            "the token in `{}` is shorter than 16 characters",
            path.display()
        ),
    }
}
