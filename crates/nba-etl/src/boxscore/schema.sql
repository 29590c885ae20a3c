-- Deltas and keyframes: what each event changed about each line. The state after an event is a sum.
create table if not exists games (
    game_id varchar(50) not null,
    data_source varchar(20) not null,
    home_team varchar(100) not null,
    away_team varchar(100) not null,
    periods smallint not null,
    events integer not null,
    home_score smallint not null,
    away_score smallint not null,
    counts text not null check (counts in ('proven', 'refuted', 'not_proven', 'not_applicable')),
    court text not null check (court in ('proven', 'refuted', 'not_proven', 'not_applicable')),
    figures_compared bigint not null,
    digest text not null,
    table_sets text[] not null,
    primary key (game_id, data_source)
);
create table if not exists players (
    game_id varchar(50) not null,
    data_source varchar(20) not null,
    side smallint not null check (side in (0, 1)),
    slot smallint not null,
    player_id varchar(50) not null,
    player_name varchar(100) not null,
    team_id varchar(10) not null,
    primary key (game_id, data_source, side, slot)
);
create table if not exists events (
    game_id varchar(50) not null,
    data_source varchar(20) not null,
    event_num integer not null,
    period smallint not null,
    clock_tenths smallint not null,
    elapsed_tenths integer not null,
    home_score smallint not null,
    away_score smallint not null,
    primary key (game_id, data_source, event_num)
);
create table if not exists changes (
    game_id varchar(50) not null,
    data_source varchar(20) not null,
    event_num integer not null,
    side smallint not null,
    slot smallint not null,
    points smallint not null, fgm smallint not null, fga smallint not null, fg3m smallint not null,
    fg3a smallint not null, ftm smallint not null, fta smallint not null, oreb smallint not null,
    dreb smallint not null, ast smallint not null, stl smallint not null, blk smallint not null,
    tov smallint not null, pf smallint not null, plus_minus smallint not null,
    technical_fouls smallint not null, unknown_periods smallint not null,
    court smallint not null, court_tenths integer not null,
    primary key (game_id, data_source, side, slot, event_num)
);
create table if not exists keyframes (like changes including all);
-- Where shots were taken, where the source says it: tenths of a foot to the right of the hoop, and away from the end line.
create table if not exists shots (
    game_id varchar(50) not null,
    data_source varchar(20) not null,
    event_num integer not null,
    side smallint not null check (side in (0, 1)),
    slot smallint not null,
    worth smallint not null check (worth in (2, 3)),
    made boolean not null,
    across smallint not null,
    out smallint not null,
    primary key (game_id, data_source, event_num)
);

-- Every line at every event. Ask for one game, and for one event or moment of it: the nearest keyframe and the changes since are summed.
create or replace view moments as
select e.game_id, e.data_source, e.event_num, e.period, e.clock_tenths, e.elapsed_tenths, e.home_score, e.away_score,
    p.side, p.slot, p.player_id, p.player_name, p.team_id,
    s.points, s.fgm, s.fga, s.fg3m, s.fg3a, s.ftm, s.fta, s.oreb, s.dreb, s.oreb + s.dreb as reb,
    s.ast, s.stl, s.blk, s.tov, s.pf, s.plus_minus, s.court = 1 as on_court,
    s.court_tenths + s.court * e.elapsed_tenths as tenths
from events e
join players p using (game_id, data_source)
cross join lateral (
    select coalesce(sum(x.points), 0)::integer as points, coalesce(sum(x.fgm), 0)::integer as fgm,
        coalesce(sum(x.fga), 0)::integer as fga, coalesce(sum(x.fg3m), 0)::integer as fg3m,
        coalesce(sum(x.fg3a), 0)::integer as fg3a, coalesce(sum(x.ftm), 0)::integer as ftm,
        coalesce(sum(x.fta), 0)::integer as fta, coalesce(sum(x.oreb), 0)::integer as oreb,
        coalesce(sum(x.dreb), 0)::integer as dreb, coalesce(sum(x.ast), 0)::integer as ast,
        coalesce(sum(x.stl), 0)::integer as stl, coalesce(sum(x.blk), 0)::integer as blk,
        coalesce(sum(x.tov), 0)::integer as tov, coalesce(sum(x.pf), 0)::integer as pf,
        coalesce(sum(x.plus_minus), 0)::integer as plus_minus, coalesce(sum(x.court), 0)::integer as court,
        coalesce(sum(x.court_tenths), 0)::integer as court_tenths
    from (
        select k.* from keyframes k
        where k.game_id = e.game_id and k.data_source = e.data_source and k.side = p.side and k.slot = p.slot
            and k.event_num = (e.event_num + 1) / 64 * 64
        union all
        select c.* from changes c
        where c.game_id = e.game_id and c.data_source = e.data_source and c.side = p.side and c.slot = p.slot
            and c.event_num >= (e.event_num + 1) / 64 * 64 and c.event_num <= e.event_num
    ) x
) s;

-- The last event of every game that is over: the box scores.
create or replace view box_scores as
select m.* from moments m join games g using (game_id, data_source) where m.event_num = g.events - 1;

-- The platform's summary (box score dossier 7.2): a row per game, from its best feed; all feeds are named. Date and season, which the
-- platform does not fill either, are not in the events.
create or replace view games_summary as
select distinct on (g.game_id) g.game_id, g.home_team, g.away_team, null::date as game_date, null::varchar(10) as season,
    g.home_score as final_home_score, g.away_score as final_away_score, g.events as total_events,
    (select array_agg(f.data_source::text order by f.data_source) from games f where f.game_id = g.game_id) as data_sources
from games g
order by g.game_id, (g.counts = 'proven') desc, (g.court = 'proven') desc, g.figures_compared desc, g.data_source;

-- The number of the last event at a moment, in seconds since the tip-off.
create or replace function event_at(game varchar, source varchar, seconds numeric) returns integer
    language sql stable set search_path from current as $$
    select max(event_num) from events
    where game_id = game and data_source = source and elapsed_tenths <= seconds * 10
$$;

-- The platform's tables (box score dossier 7.3), in this schema.
create table if not exists quarter_box_scores (
    game_id varchar(50) not null, quarter integer not null, player_id varchar(50) not null,
    player_name varchar(100), team_id varchar(10),
    points integer default 0, fgm integer default 0, fga integer default 0, fg3m integer default 0,
    fg3a integer default 0, ftm integer default 0, fta integer default 0, oreb integer default 0,
    dreb integer default 0, reb integer default 0, ast integer default 0, stl integer default 0,
    blk integer default 0, tov integer default 0, pf integer default 0,
    plus_minus integer default 0, minutes decimal(5, 2) default 0, data_source varchar(50) not null,
    primary key (game_id, quarter, player_id, data_source)
);
create table if not exists box_score_verification (
    game_id varchar(50) not null, data_source varchar(50) not null,
    final_score_match boolean, home_score_generated integer, away_score_generated integer,
    home_score_actual integer, away_score_actual integer, total_discrepancies integer,
    discrepancy_details jsonb, mae_points decimal(5, 2), mae_rebounds decimal(5, 2), mae_assists decimal(5, 2),
    mae_steals decimal(5, 2), mae_blocks decimal(5, 2), mae_turnovers decimal(5, 2),
    quality_grade char(1) check (quality_grade in ('A', 'B', 'C', 'D', 'F')), notes text,
    primary key (game_id, data_source)
);
create or replace view verification_summary as
select data_source, count(*) as games,
    count(*) filter (where quality_grade = 'A') as grade_a, count(*) filter (where quality_grade = 'B') as grade_b,
    count(*) filter (where quality_grade = 'C') as grade_c, count(*) filter (where quality_grade = 'D') as grade_d,
    count(*) filter (where quality_grade = 'F') as grade_f, count(*) filter (where quality_grade is null) as without_grade
from box_score_verification group by data_source;
create table if not exists game_state_snapshots (
    snapshot_id bigserial primary key,
    game_id varchar(50) not null, event_num integer not null, quarter integer not null,
    time_remaining varchar(10), game_clock_seconds integer not null, home_score integer not null,
    away_score integer not null, data_source varchar(50) not null, verification_passed boolean,
    created_at timestamp default current_timestamp,
    unique (game_id, event_num, data_source)
);
create table if not exists player_snapshot_stats (
    snapshot_id bigint not null references game_state_snapshots on delete cascade,
    player_id varchar(50) not null, player_name varchar(100) not null, team_id varchar(10) not null,
    points integer not null, fgm integer not null, fga integer not null, fg3m integer not null,
    fg3a integer not null, ftm integer not null, fta integer not null, oreb integer not null,
    dreb integer not null, reb integer not null, ast integer not null, stl integer not null,
    blk integer not null, tov integer not null, pf integer not null, plus_minus integer not null,
    minutes decimal(5, 2) not null, on_court boolean not null,
    created_at timestamp default current_timestamp,
    primary key (snapshot_id, player_id)
);
create table if not exists box_score_snapshots (
    id serial primary key,
    game_id varchar(50) not null, event_num integer not null, data_source varchar(20) not null,
    quarter integer not null, time_remaining varchar(10), game_clock_seconds integer not null,
    home_score integer default 0, away_score integer default 0,
    score_differential integer generated always as (home_score - away_score) stored,
    snapshot_data jsonb not null,
    created_at timestamp default current_timestamp, updated_at timestamp default current_timestamp,
    unique (game_id, event_num, data_source)
);
create table if not exists interval_box_scores (
    game_id varchar(50) not null, data_source varchar(20) not null, grid varchar(10) not null,
    interval_num integer not null, label varchar(30) not null, from_tenths integer not null, until_tenths integer not null,
    side smallint not null, slot smallint not null,
    points smallint not null, fgm smallint not null, fga smallint not null, fg3m smallint not null,
    fg3a smallint not null, ftm smallint not null, fta smallint not null, oreb smallint not null,
    dreb smallint not null, ast smallint not null, stl smallint not null, blk smallint not null,
    tov smallint not null, pf smallint not null, plus_minus smallint not null, tenths integer not null,
    primary key (game_id, data_source, grid, interval_num, side, slot)
);
create table if not exists lineup_snapshots (
    game_id text not null, data_source varchar(20) not null, event_number integer not null, period integer not null,
    time_elapsed_seconds integer not null, team_id text not null, opponent_team_id text not null, home_team boolean not null,
    player1_id text not null, player2_id text not null, player3_id text not null, player4_id text not null, player5_id text not null,
    lineup_hash text not null, team_score integer not null, opponent_score integer not null, plus_minus integer not null,
    primary key (game_id, data_source, event_number, home_team),
    check (plus_minus = team_score - opponent_score)
);
create table if not exists player_plus_minus_snapshots (
    game_id text not null, data_source varchar(20) not null, event_number integer not null,
    player_id text not null, team_id text not null, on_court boolean not null,
    team_score integer not null, opponent_score integer not null, plus_minus integer not null,
    player_plus_minus integer not null, stint_id text, minutes_played_cumulative decimal(6, 2) not null,
    primary key (game_id, data_source, event_number, team_id, player_id)
);
-- The platform's table of possessions. Its check `points_scored in (0, 1, 2, 3, 4)` is left out: behind a flagrant foul the ball stays, and a
-- possession can have more. Columns that no source says anything about stay empty.
create table if not exists possession_metadata (
    id bigserial primary key,
    game_id text not null, data_source varchar(20) not null, possession_number integer not null, period integer not null,
    start_event_number integer not null, end_event_number integer not null,
    start_seconds integer not null, end_seconds integer not null, duration_seconds real,
    start_timestamp text, end_timestamp text,
    offensive_team_id text not null, defensive_team_id text not null,
    lineup_hash_offense text, lineup_hash_defense text,
    possession_result text check (possession_result in ('made_shot', 'missed_shot', 'turnover', 'foul_shooting', 'end_period')),
    points_scored integer default 0, shot_type text check (shot_type in ('2pt', '3pt', 'ft', 'none')),
    offensive_rebound boolean default false, second_chance boolean default false, fast_break boolean, in_the_paint boolean,
    defensive_rebound boolean default false, forced_turnover boolean default false, contested_shot boolean,
    points_per_possession real, expected_points real, score_differential_start integer,
    unique (game_id, data_source, possession_number),
    check (end_event_number >= start_event_number), check (end_seconds >= start_seconds), check (duration_seconds >= 0),
    check (points_scored >= 0), check (possession_result <> 'made_shot' or points_scored > 0)
)
