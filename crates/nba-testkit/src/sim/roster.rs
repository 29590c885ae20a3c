//! Who plays for whom: invented people with stable ids, one career each.
//!
//! Every place of a squad (team, slot) is filled by a chain of players whose careers of six seasons follow each other, so a
//! player keeps his id, name and team for several seasons. Names are combined so that no two players share a full name,
//! while surnames repeat, also inside one squad: feeds that print only an initial and a surname are ambiguous then.

use super::model::{Player, Team};
use super::rng::{Draws, mix};

/// Players of a squad, the longest roster a game can have.
pub const SQUAD: usize = 15;

/// Seasons of a career.
const CAREER: u16 = 6;
/// Careers a slot can see between the first and the last season.
const CAREERS_PER_SLOT: u32 = 8;
/// First season of the universe; careers are counted from it.
const FIRST_SEASON: u16 = 1993;

/// The whole squad of a team in a season, best players of each position first: five starters, then the bench.
#[must_use]
pub fn squad(seed: u64, team: &Team, season_start: u16) -> Vec<Player> {
    let mut numbers = JerseyNumbers::default();
    (0..15u16)
        .map(|slot| player(seed, team, slot, season_start, &mut numbers))
        .collect()
}

fn player(
    seed: u64,
    team: &Team,
    slot: u16,
    season_start: u16,
    numbers: &mut JerseyNumbers,
) -> Player {
    // Slots change hands in different years.
    let shift = (slot * 5 + team.espn_id) % CAREER;
    let career = (season_start.saturating_sub(FIRST_SEASON) + shift) / CAREER;
    let code = (u32::from(squad_number(team)) * 15 + u32::from(slot)) * CAREERS_PER_SLOT
        + u32::from(career);
    let mut draws = Draws::new(mix(seed, u64::from(code) | 1 << 40));

    let first_of = u32::try_from(FIRST_NAMES.len()).unwrap_or(1);
    let last_of = u32::try_from(LAST_NAMES.len()).unwrap_or(1);
    let combination = scramble(seed, code, first_of * last_of);
    let first = at(FIRST_NAMES, combination / last_of);
    let last = at(LAST_NAMES, combination % last_of);
    let suffix = match draws.below(100) {
        0..=3 => " Jr.",
        4 => " III",
        5 => " II",
        _ => "",
    };
    let initial = first.chars().next().unwrap_or('X');
    let debut = FIRST_SEASON + career * CAREER;
    Player {
        // Ids of players who came later are long, as ESPN's are (database dossier 7.1).
        espn_id: if debut < 2008 {
            200 + code
        } else {
            2_400_000 + code * 37
        },
        name: format!("{first} {last}{suffix}"),
        short_name: format!("{initial}. {last}{suffix}"),
        jersey: numbers.next(&mut draws),
        position: ["G", "G", "F", "F", "C"][usize::from(slot % 5)],
    }
}

/// A different number below `size` for each number below `size`, in no recognisable order: four Feistel rounds on 16 bits,
/// repeated while the result is too large.
fn scramble(seed: u64, number: u32, size: u32) -> u32 {
    let mut value = number;
    loop {
        let (mut left, mut right) = (value >> 8, value & 0xff);
        for round in 0..4 {
            let turned = mix(seed, u64::from(right) | round << 48) & 0xff;
            (left, right) = (right, left ^ u32::try_from(turned).unwrap_or(0));
        }
        value = left << 8 | right;
        if value < size {
            return value;
        }
    }
}

/// Dense number of a team, 1–87, so that the codes of all players stay below the number of names.
fn squad_number(team: &Team) -> u16 {
    if team.espn_id < 90 {
        team.espn_id
    } else {
        33 + (team.espn_id - 90) / 7
    }
}

/// Name of one of the officials.
pub(super) fn official(number: u32) -> String {
    format!(
        "{} {}",
        at(FIRST_NAMES, number * 13 % 97),
        at(LAST_NAMES, (number * 29 + 5) % 193)
    )
}

fn at(names: &'static [&'static str], index: u32) -> &'static str {
    names[usize::try_from(index).unwrap_or(0)]
}

/// Jersey numbers already given in a squad; number 100 stands for `00`.
struct JerseyNumbers([bool; 101]);

impl Default for JerseyNumbers {
    fn default() -> Self {
        Self([false; 101])
    }
}

impl JerseyNumbers {
    fn next(&mut self, draws: &mut Draws) -> String {
        loop {
            // Low numbers are the common ones.
            let range = if draws.chance(0.7) { 36 } else { 100 };
            let number = if draws.chance(0.03) {
                100
            } else {
                draws.index(range)
            };
            if !std::mem::replace(&mut self.0[number], true) {
                return if number == 100 {
                    "00".to_owned()
                } else {
                    number.to_string()
                };
            }
        }
    }
}

// 97 × 193 combinations, more than the 90 × 15 × 8 people there can be.
const FIRST_NAMES: &[&str] = &[
    "Aaron",
    "Alec",
    "Amir",
    "Andre",
    "Anthony",
    "Antoine",
    "Ariel",
    "Bojan",
    "Brandon",
    "Bruno",
    "Caleb",
    "Cameron",
    "Carlos",
    "Cedric",
    "Chris",
    "Clint",
    "Cole",
    "D'Andre",
    "D'Marcus",
    "Damon",
    "Darius",
    "David",
    "De'Ron",
    "Dejan",
    "Dennis",
    "Derek",
    "Desmond",
    "Dražen",
    "Dwayne",
    "Eddie",
    "Elijah",
    "Eric",
    "Ersin",
    "Evan",
    "Fabricio",
    "Frank",
    "Garrett",
    "George",
    "Goran",
    "Grant",
    "Hakim",
    "Harrison",
    "Isaiah",
    "Ivan",
    "J.J.",
    "J.R.",
    "Jalen",
    "Jamal",
    "Jarrett",
    "Jaylen",
    "Jérôme",
    "Jeremy",
    "Jerome",
    "José",
    "Josh",
    "Juan",
    "Julius",
    "Karl-Peter",
    "Keith",
    "Kelvin",
    "Kenyon",
    "Kevin",
    "Kyle",
    "Lamar",
    "Larry",
    "Leandro",
    "Luka",
    "Malik",
    "Marcus",
    "Mario",
    "Mark",
    "Miloš",
    "Mitchell",
    "Moses",
    "Nate",
    "Nikola",
    "Omar",
    "P.J.",
    "Patrick",
    "Pau",
    "Quentin",
    "Raúl",
    "Reggie",
    "Ricky",
    "Rodney",
    "Sam",
    "Sergei",
    "Shaun",
    "Steve",
    "T.J.",
    "Terrence",
    "Théo",
    "Tony",
    "Travis",
    "Tyler",
    "Victor",
    "Žan",
];
const LAST_NAMES: &[&str] = &[
    "Abdul-Karim",
    "Adams",
    "Aldridge",
    "Alexander",
    "Allen",
    "Anderson",
    "Armstrong",
    "Arroyo",
    "Ashby",
    "Bagley",
    "Baker",
    "Banks",
    "Barnes",
    "Barrett",
    "Bates",
    "Beasley",
    "Bell",
    "Bennett",
    "Berić",
    "Blake",
    "Bogut",
    "Booker",
    "Bowen",
    "Boykins",
    "Bradley",
    "Bridges",
    "Brooks",
    "Brown",
    "Bryant",
    "Buckner",
    "Burks",
    "Butler",
    "Calderón",
    "Campbell",
    "Carroll",
    "Carter",
    "Cassell",
    "Chandler",
    "Clark",
    "Coleman",
    "Collins",
    "Cooper",
    "Cox",
    "Crawford",
    "Cunningham",
    "Curry",
    "Dalembert",
    "Daniels",
    "Davis",
    "Dawkins",
    "Delgado",
    "Diallo",
    "Dickerson",
    "Dixon",
    "Dragić",
    "Drew",
    "Dunleavy",
    "Dupree",
    "Edwards",
    "Ellis",
    "Evans",
    "Farmar",
    "Fernández",
    "Finley",
    "Fisher",
    "Fizer",
    "Ford",
    "Foster",
    "Foyle",
    "Francis",
    "Frye",
    "Gaines",
    "García",
    "Gibson",
    "Ginóbili",
    "Gordon",
    "Graham",
    "Grant",
    "Green",
    "Griffin",
    "Hairston",
    "Hamilton",
    "Hardaway",
    "Harper",
    "Harris",
    "Hayes",
    "Henderson",
    "Hill",
    "Holiday",
    "Horford",
    "Houston",
    "Howard",
    "Hughes",
    "Hunter",
    "Iguodala",
    "Ilić",
    "Jackson",
    "James",
    "Jaramaz",
    "Jefferson",
    "Jenkins",
    "Johnson",
    "Jones",
    "Jordan",
    "Kidd",
    "King",
    "Kleiza",
    "Knight",
    "Korver",
    "Kuzma",
    "Laurent",
    "LaVine",
    "Lee",
    "Lewis",
    "Livingston",
    "Long",
    "Lopez",
    "Love",
    "Lowry",
    "Macijauskas",
    "Marjanović",
    "Marshall",
    "Martin",
    "Mason",
    "Matthews",
    "McAdoo",
    "McCollough",
    "McDyess",
    "McGrady",
    "McKie",
    "Miller",
    "Mills",
    "Mitchell",
    "Monroe",
    "Moore",
    "Morris",
    "Murray",
    "Nash",
    "Nelson",
    "Nesmith",
    "Núñez",
    "O'Bryant",
    "O'Neal",
    "O'Quinn",
    "Okafor",
    "Oliver",
    "Outlaw",
    "Pargo",
    "Parker",
    "Payne",
    "Perkins",
    "Petrov",
    "Petrović",
    "Pierce",
    "Porter",
    "Posey",
    "Powell",
    "Price",
    "Rasmussen",
    "Reed",
    "Richardson",
    "Rivers",
    "Robinson",
    "Rodríguez",
    "Rose",
    "Ross",
    "Rush",
    "Saint-Jean",
    "Schröder",
    "Scott",
    "Šarić",
    "Simmons",
    "Smith",
    "Snell",
    "Stewart",
    "Taylor",
    "Terry",
    "Thomas",
    "Thompson",
    "Tucker",
    "Turner",
    "Valančius",
    "van Dijk",
    "Vučić",
    "Walker",
    "Wallace",
    "Ward",
    "Washington",
    "White",
    "Williams",
    "Wilson",
    "Wright",
    "Young",
];
