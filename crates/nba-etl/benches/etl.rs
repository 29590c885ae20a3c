//! What the guard around a script costs, and how long a large lake takes to list over a slow line: `scripts/bench-etl`.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![allow(clippy::print_stdout, reason = "figures are the result")]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nba_config::{S3Settings, SecretString};
use nba_etl::lake::{Inventory, Lake};
use nba_etl::registry::Registry;
use nba_etl::runner::{Cancel, Environment, Script, run};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::proxy::{Fault, FaultProxy, Upstream};
use nba_testkit::s3::{S3Credentials, S3Server};

const BUCKET: &str = "nba-sim-raw-data-lake";

/// The four large prefixes of the real lake hold nearly all of it (ETL dossier 4.1).
const PREFIXES: [&str; 4] = [
    "espn_box_scores",
    "espn_play_by_play",
    "espn_schedules",
    "espn_team_stats",
];

struct Options {
    objects: usize,
    latency: Duration,
    repeats: usize,
    boto3: Option<PathBuf>,
}

fn main() {
    let options = options();
    guard(options.repeats);
    registry();
    listing(&options);
}

fn options() -> Options {
    let mut options = Options {
        objects: 4_000,
        latency: Duration::from_millis(50),
        repeats: 200,
        boto3: None,
    };
    // Cargo adds `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words
            .next()
            .unwrap_or_else(|| panic!("`{word}` lacks its value"));
        match word.as_str() {
            "--objects" => options.objects = value.parse().unwrap(),
            "--latency-ms" => options.latency = Duration::from_millis(value.parse().unwrap()),
            "--repeats" => options.repeats = value.parse().unwrap(),
            "--boto3" => options.boto3 = Some(value.into()),
            _ => panic!("`{word}` is none of --objects, --latency-ms, --repeats, --boto3"),
        }
    }
    options
}

/// The middle of the times, in milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn measured(repeats: usize, mut work: impl FnMut()) -> f64 {
    // The first runs warm the caches.
    for _ in 0..5 {
        work();
    }
    median(
        (0..repeats)
            .map(|_| {
                let started = Instant::now();
                work();
                started.elapsed()
            })
            .collect(),
    )
}

fn guard(repeats: usize) {
    let dir = tempfile::tempdir().unwrap();
    let plain = measured(repeats, || {
        let status = Command::new("/bin/true")
            .env_clear()
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    });
    let environment = Environment::allowed([("PATH", "/usr/bin:/bin")]);
    let script = Script::new("/bin/true", [""; 0], dir.path(), environment);
    let memory = peak_memory();
    let guarded = measured(repeats, || {
        run(&script, &Cancel::new(), None).unwrap();
    });
    let grown = peak_memory().saturating_sub(memory);
    println!("| `true`, plain | {plain:.2} ms |");
    println!("| `true`, under guard | {guarded:.2} ms |");
    println!(
        "| the guard | {:.2} ms, {} KiB |",
        guarded - plain,
        grown / 1024
    );
}

/// In bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

fn registry() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = LegacyCheckout::build(dir.path(), &LegacyOptions::default()).unwrap();
    let project = checkout.project();
    let time = measured(10, || {
        Registry::discover(&project).unwrap();
    });
    println!("| registry of the replica's checkout | {time:.1} ms |");
}

fn listing(options: &Options) {
    let server = S3Server::listing(BUCKET, keys(options.objects), S3Credentials::random()).unwrap();
    let address = server
        .endpoint()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let proxy = FaultProxy::start(Upstream::Tcp(address)).unwrap();
    proxy.set(Fault::Delay(options.latency));
    let endpoint = format!("http://{}", proxy.address());
    let keys = server.credentials();
    let settings = S3Settings {
        bucket: BUCKET.to_owned(),
        endpoint: Some(endpoint.clone()),
        access_key_id: Some(SecretString::from(keys.access_key.clone())),
        secret_access_key: Some(SecretString::from(keys.secret_key.clone())),
        ..S3Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    for parallel in [1, 8, 32] {
        let what = Inventory {
            prefixes: Vec::new(),
            concurrency: NonZeroUsize::new(parallel).unwrap(),
        };
        let started = Instant::now();
        let totals = runtime
            .block_on(async { Lake::s3(&settings).await.totals(&what).await })
            .unwrap();
        let seconds = started.elapsed().as_secs_f64();
        assert_eq!(totals.all.objects, u64::try_from(options.objects).unwrap());
        println!(
            "| {} objects, {} at once | {seconds:.2} s |",
            totals.all.objects, parallel
        );
    }
    if let Some(python) = &options.boto3 {
        let script = "import boto3, sys, time\n\
            s3 = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1')\n\
            started = time.time()\n\
            pages = s3.get_paginator('list_objects_v2').paginate(Bucket=sys.argv[2])\n\
            count = sum(len(page.get('Contents', [])) for page in pages)\n\
            print(f'| {count} objects, boto3 paginator | {time.time() - started:.2f} s |')";
        let status = Command::new(python)
            .args(["-c", script, &endpoint, BUCKET])
            .env("AWS_ACCESS_KEY_ID", &keys.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_key)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

fn keys(objects: usize) -> Vec<String> {
    (0..objects)
        .map(|number| {
            let prefix = PREFIXES[number % PREFIXES.len()];
            format!("{prefix}/{}.json", 400_000_000 + number * 37)
        })
        .collect()
}
