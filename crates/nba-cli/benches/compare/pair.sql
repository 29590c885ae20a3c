-- Two tables of play-by-play events, `old_events` and `new_events`: :rows rows × 30 columns, about 310 bytes a row, many NULLs.
--
--   psql -v rows=2000000 -f pair.sql
--
-- `new_events` is a copy with 140 differences: ten changed rows of each of ten kinds, 20 rows missing, 20 added after the last
-- key. `planted` names each of them, and the end of this script proves that each is there and that nothing else is.

create table old_events (
    id bigint primary key,
    game_id text not null,
    event_number integer not null,
    season smallint not null,
    period smallint not null,
    clock_seconds numeric(7, 3) not null,
    home_score integer not null,
    away_score integer not null,
    score_margin integer,
    team_id bigint,
    player_id bigint,
    assist_player_id bigint,
    block_player_id bigint,
    player_name text,
    event_type text not null,
    event_subtype text,
    description text not null,
    shot_x numeric(8, 4),
    shot_y numeric(8, 4),
    shot_distance integer,
    is_made boolean,
    is_home boolean not null,
    points smallint not null,
    win_probability numeric(9, 6) not null,
    possession integer,
    lineup jsonb not null,
    note text,
    game_time timestamp not null,
    created_at timestamp not null,
    ingested_at timestamptz not null
);

insert into old_events
select
    id,
    to_char(22300000 + id / 470, 'FM0000000000'),
    (id % 470)::integer,
    (1994 + id * 30 / :rows)::smallint,
    (1 + (id % 470) / 118)::smallint,
    (a % 720000)::numeric / 1000,
    (id % 470 / 4)::integer,
    ((id + b) % 118)::integer,
    case when id % 5 = 0 then (b % 31)::integer - 15 end,
    1610612737 + a % 30,
    case when id % 3 <> 0 then 200000 + a % 1700 end,
    case when id % 9 = 0 then 200000 + b % 1700 end,
    case when id % 40 = 0 then 200000 + b % 1600 end,
    case when id % 3 <> 0 then (array['A. Sabonis', 'S. Gilgeous-Alexander', 'N. Jokić', 'L. Dončić', 'J. Smith'])[1 + a % 5] end,
    (array['shot', 'rebound', 'foul', 'turnover', 'substitution', 'free throw'])[1 + b % 6],
    case when id % 3 = 0 then (array['layup', 'jump', 'shooting', 'bad pass'])[1 + a % 4] end,
    'Play ' || id || ': ' || (array['makes 2-pt jump shot from', 'misses 3-pt jump shot from', 'defensive rebound by team at'])[1 + a % 3] || ' ' || b % 47 || ' ft from the rim',
    case when id % 2 = 1 then (a % 500000)::numeric / 10000 end,
    case when id % 2 = 1 then (b % 940000)::numeric / 10000 end,
    case when id % 2 = 1 then (b % 47)::integer end,
    case when id % 2 = 1 then a % 2 = 0 end,
    b % 2 = 0,
    (a % 4)::smallint,
    (b % 999000)::numeric / 1000000,
    case when id % 4 <> 0 then (id % 470 / 2)::integer end,
    jsonb_build_object('home', 200000 + a % 1700, 'away', 200000 + b % 1700, 'clock', a % 720),
    case when id % 8 = 0 then 'reviewed by ' || b % 90 end,
    timestamp '1994-11-04 19:00' + id / 470 * interval '6 hours',
    timestamp '2025-10-02 14:05' + id * interval '1 second',
    timestamptz '2025-10-02 14:05:00.123456+00' + id * interval '1.000001 seconds'
from generate_series(1, :rows) as id,
    lateral (select hashint8extended(id, 1) & 2147483647 as a, hashint8extended(id, 2) & 2147483647 as b) as chance;

create table planted (
    id bigint primary key,
    kind text not null,
    -- The only column that differs; none for a whole row.
    column_name text
);

-- Spread over the whole key: 101 slots, one changed row at the start of each of the first hundred (moved on to where the column is,
-- or is not, NULL), a missing one in the middle of every fifth.
insert into planted
select 1 + slot * (:rows / 101) + shift, kind, column_name
from generate_series(0, 99) as slot
join (values
    (0, 'NULL became a space', 'note'),
    (1, 'NULL became text', 'event_subtype'),
    (2, 'numeric + 0.000001', 'win_probability'),
    (3, 'value inside jsonb', 'lineup'),
    (4, 'timestamptz + 1 µs', 'ingested_at'),
    (5, 'integer + 1', 'home_score'),
    (6, 'boolean turned', 'is_home'),
    (7, 'NULL became an integer', 'shot_distance'),
    (8, 'text appended', 'description'),
    (9, 'timestamp + 1 s', 'created_at')
) as kinds (number, kind, column_name) on number = slot % 10,
lateral (
    select min(step) as shift from generate_series(0, 23) as step,
        lateral (select 1 + slot * (:rows / 101) + step as id) as at
    where case column_name
        when 'note' then id % 8 <> 0
        when 'event_subtype' then id % 3 <> 0
        when 'shot_distance' then id % 2 = 0
        else true end
) as place;

insert into planted
select slot * 5 * (:rows / 101) + :rows / 202, 'missing', null from generate_series(0, 19) as slot;

insert into planted
select :rows + number, 'added', null from generate_series(1, 20) as number;

create table new_events (like old_events including all);

insert into new_events
select old_events.* from old_events
where id not in (select id from planted where kind = 'missing');

insert into new_events
select (jsonb_populate_record(old_events, jsonb_build_object('id', planted.id))).*
from planted join old_events on old_events.id = planted.id - 20
where kind = 'added';

update new_events set
    note = case kind when 'NULL became a space' then ' ' else note end,
    event_subtype = case kind when 'NULL became text' then 'unknown' else event_subtype end,
    win_probability = case kind when 'numeric + 0.000001' then win_probability + 0.000001 else win_probability end,
    lineup = case kind when 'value inside jsonb' then jsonb_set(lineup, '{clock}', '-1') else lineup end,
    ingested_at = case kind when 'timestamptz + 1 µs' then ingested_at + interval '1 microsecond' else ingested_at end,
    home_score = case kind when 'integer + 1' then home_score + 1 else home_score end,
    is_home = case kind when 'boolean turned' then not is_home else is_home end,
    shot_distance = case kind when 'NULL became an integer' then 0 else shot_distance end,
    description = case kind when 'text appended' then description || '.' else description end,
    created_at = case kind when 'timestamp + 1 s' then created_at + interval '1 second' else created_at end
from planted
where planted.id = new_events.id and column_name is not null;

vacuum (freeze, analyze) old_events, new_events, planted;

-- Every planted difference is one, in the column it names and in no other, and there are no more.
do $$
declare
    wrong bigint;
begin
    select count(*) into wrong
    from planted
    left join old_events as o on o.id = planted.id
    left join new_events as n on n.id = planted.id
    where not case kind
        when 'missing' then o.id is not null and n.id is null
        when 'added' then o.id is null and n.id is not null
        else o.id is not null and n.id is not null
            and to_jsonb(o) - column_name = to_jsonb(n) - column_name
            and to_jsonb(o) -> column_name <> to_jsonb(n) -> column_name end;
    if wrong <> 0 or (select count(*) from planted) <> 140 or (select count(distinct kind) from planted) <> 12 then
        raise exception '% of the planted differences are none', wrong;
    end if;
    if (select count(*) from old_events) <> (select count(*) from new_events) then
        raise exception 'the tables do not have equally many rows';
    end if;
    if exists (
        select from (select id, hash_record_extended(o, 0) as row_hash from old_events as o) as o
        full join (select id, hash_record_extended(n, 0) as row_hash from new_events as n) as n using (id)
        where o.row_hash is distinct from n.row_hash and id not in (select id from planted)
    ) then
        raise exception 'there are differences nobody planted';
    end if;
end
$$;
