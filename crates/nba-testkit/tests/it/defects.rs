//! Every defect does what it says and nothing else; the wrong database is there under the right name.

use std::collections::BTreeMap;

use nba_testkit::{
    defects::{Defect, Planted},
    local_copy,
    plan::{Scale, Temporal},
    replica::ReplicaError,
    schema,
};

use crate::support::{DATABASE, Server, number, options, rows};

async fn content(client: &tokio_postgres::Client) -> BTreeMap<&'static str, (i64, String)> {
    let mut content = BTreeMap::new();
    for table in schema::tables() {
        let exists = format!(
            "select count(*) from pg_class where oid = to_regclass('{}')",
            table.name
        );
        if number(client, &exists).await == 0 {
            continue;
        }
        let sql = format!(
            "select count(*), coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {} t",
            table.name
        );
        let row = &rows(client, &sql).await[0];
        content.insert(table.name, (row.get(0), row.get(1)));
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_changes_what_it_says_and_nothing_else() {
    let server = Server::start().await;
    server.build(options(0.002, Temporal::Empty)).await;
    let intact = content(&server.client().await).await;
    for defect in Defect::ALL {
        let copy = defect.name().replace(' ', "_");
        server
            .embedded
            .create_database_from_template(&copy, DATABASE)
            .await
            .unwrap();
        let client = server.client_of(&copy).await;
        // The mark is a comment, which a template does not pass on.
        let target = server.embedded.target(&copy);
        assert!(
            matches!(
                defect.plant(&target).await,
                Err(ReplicaError::NotMarked { .. })
            ),
            "{defect:?}"
        );
        client
            .batch_execute(&format!("comment on database {copy} is 'nba replica'"))
            .await
            .unwrap();

        let planted = defect.plant(&target).await.unwrap();
        assert_eq!(planted.defect, defect);
        let after = content(&client).await;
        let changed: Vec<_> = intact
            .iter()
            .filter(|(table, was)| after.get(*table) != Some(*was))
            .map(|(table, _)| *table)
            .collect();
        match defect {
            Defect::GameDuplicated => assert_eq!(changed, ["public.games", "public.play_by_play"]),
            Defect::KeyDropped => assert!(changed.is_empty(), "{changed:?}"),
            _ => assert_eq!(changed, [planted.table], "{defect:?}"),
        }
        let count = |content: &BTreeMap<_, (i64, String)>| {
            content.get(planted.table).map_or(0, |(count, _)| *count)
        };
        let delta = count(&after) - count(&intact);
        let rows = i64::try_from(planted.rows).unwrap();
        let expected = match defect {
            Defect::ValueChanged | Defect::ValuesSwapped | Defect::KeyDropped => 0,
            Defect::RowDeleted | Defect::TableEmptied | Defect::TableDropped => -rows,
            _ => rows,
        };
        assert_eq!(delta, expected, "{planted:?}");
        check_values(&client, &planted).await;
        drop(client);
    }
}

async fn check_values(client: &tokio_postgres::Client, planted: &Planted) {
    match planted.defect {
        Defect::RowDeleted => {
            let id = planted.key.strip_prefix("play_id=").unwrap();
            assert!(planted.before.as_ref().unwrap().contains(id));
            assert_eq!(
                number(
                    client,
                    &format!("select count(*) from play_by_play where play_id = '{id}'")
                )
                .await,
                0
            );
        }
        Defect::ValueChanged => {
            let [before, after]: [i32; 2] = [&planted.before, &planted.after]
                .map(|value| value.as_ref().unwrap().parse().unwrap());
            assert_eq!(after, before + 1);
        }
        Defect::GameDuplicated => {
            let twins = "select count(*) from games a join games b using (game_date, home_team_id, away_team_id) where b.game_id = '400999001' and a.game_id <> b.game_id";
            assert!(number(client, twins).await >= 1);
            assert!(
                number(
                    client,
                    "select count(*) from play_by_play where game_id = '400999001'"
                )
                .await
                    > 300
            );
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_copy_has_the_same_name_and_more_rows_but_another_shape() {
    let server = Server::start().await;
    let rows = local_copy::build(&server.target(), Scale::new(0.001).unwrap())
        .await
        .unwrap();
    let client = server.client().await;
    assert_eq!(rows.len(), 15);
    for (table, count) in &rows {
        let found = number(&client, &format!("select count(*) from {table}")).await;
        assert_eq!(u64::try_from(found).unwrap(), *count, "{table}");
    }
    assert_eq!(rows["public.games"], 66);
    assert_eq!(
        number(
            &client,
            "select count(*) from pg_class where oid = to_regclass('public.play_by_play')"
        )
        .await,
        0
    );
    // A defect is planted only where its table is.
    let error = Defect::RowDeleted
        .plant(&server.target())
        .await
        .unwrap_err();
    assert!(matches!(error, ReplicaError::Server { .. }), "{error}");
}
