//! The thirty franchises with both of their ids, and the special teams of All-Star and exhibition games.

use super::model::Team;

/// The franchises in the order of their ESPN ids, 1–30 (database dossier 2.16, 7.1).
#[must_use]
pub fn teams() -> &'static [Team] {
    &TEAMS
}

/// The 57 special teams: with the thirty franchises they make the 87 rows of `teams` (database dossier 1.3).
///
/// The first two play the All-Star games; foreign clubs visit in the pre-season; the rest never play.
#[must_use]
pub fn special_teams() -> &'static [Team] {
    &SPECIAL
}

/// Franchise with this ESPN id.
#[must_use]
pub fn team(espn_id: u16) -> Option<&'static Team> {
    TEAMS
        .iter()
        .chain(&SPECIAL)
        .find(|team| team.espn_id == espn_id)
}

/// Foreign clubs among the special teams.
pub(super) fn foreign_teams() -> &'static [Team] {
    &SPECIAL[FIRST_FOREIGN..]
}

const FIRST_FOREIGN: usize = 14;

/// Hours the home town is behind US Eastern time.
pub(super) fn hours_behind_eastern(team: &Team) -> u8 {
    match team.espn_id {
        3 | 4 | 6 | 10 | 15 | 16 | 24 | 25 | 29 => 1,
        7 | 21 | 26 => 2,
        9 | 12 | 13 | 22 | 23 => 3,
        _ => 0,
    }
}

static TEAMS: [Team; 30] = [
    franchise(
        1,
        1610612737,
        "ATL",
        ["Atlanta", "Hawks"],
        ["c8102e", "fdb927"],
        ["State Farm Arena", "Atlanta", "GA"],
    ),
    franchise(
        2,
        1610612738,
        "BOS",
        ["Boston", "Celtics"],
        ["008348", "ffffff"],
        ["TD Garden", "Boston", "MA"],
    ),
    franchise(
        3,
        1610612740,
        "NO",
        ["New Orleans", "Pelicans"],
        ["0a2240", "b4975a"],
        ["Smoothie King Center", "New Orleans", "LA"],
    ),
    franchise(
        4,
        1610612741,
        "CHI",
        ["Chicago", "Bulls"],
        ["ce1141", "000000"],
        ["United Center", "Chicago", "IL"],
    ),
    franchise(
        5,
        1610612739,
        "CLE",
        ["Cleveland", "Cavaliers"],
        ["860038", "bc945c"],
        ["Rocket Arena", "Cleveland", "OH"],
    ),
    franchise(
        6,
        1610612742,
        "DAL",
        ["Dallas", "Mavericks"],
        ["0064b1", "bbc4ca"],
        ["American Airlines Center", "Dallas", "TX"],
    ),
    franchise(
        7,
        1610612743,
        "DEN",
        ["Denver", "Nuggets"],
        ["0e2240", "fec524"],
        ["Ball Arena", "Denver", "CO"],
    ),
    franchise(
        8,
        1610612765,
        "DET",
        ["Detroit", "Pistons"],
        ["1d428a", "c8102e"],
        ["Little Caesars Arena", "Detroit", "MI"],
    ),
    franchise(
        9,
        1610612744,
        "GS",
        ["Golden State", "Warriors"],
        ["fdb927", "1d428a"],
        ["Chase Center", "San Francisco", "CA"],
    ),
    franchise(
        10,
        1610612745,
        "HOU",
        ["Houston", "Rockets"],
        ["ce1141", "000000"],
        ["Toyota Center", "Houston", "TX"],
    ),
    franchise(
        11,
        1610612754,
        "IND",
        ["Indiana", "Pacers"],
        ["0c2340", "ffd520"],
        ["Gainbridge Fieldhouse", "Indianapolis", "IN"],
    ),
    franchise(
        12,
        1610612746,
        "LAC",
        ["LA", "Clippers"],
        ["12173f", "c8102e"],
        ["Intuit Dome", "Inglewood", "CA"],
    ),
    franchise(
        13,
        1610612747,
        "LAL",
        ["Los Angeles", "Lakers"],
        ["552583", "fdb927"],
        ["Crypto.com Arena", "Los Angeles", "CA"],
    ),
    franchise(
        14,
        1610612748,
        "MIA",
        ["Miami", "Heat"],
        ["98002e", "000000"],
        ["Kaseya Center", "Miami", "FL"],
    ),
    franchise(
        15,
        1610612749,
        "MIL",
        ["Milwaukee", "Bucks"],
        ["00471b", "eee1c6"],
        ["Fiserv Forum", "Milwaukee", "WI"],
    ),
    franchise(
        16,
        1610612750,
        "MIN",
        ["Minnesota", "Timberwolves"],
        ["266092", "79bc43"],
        ["Target Center", "Minneapolis", "MN"],
    ),
    franchise(
        17,
        1610612751,
        "BKN",
        ["Brooklyn", "Nets"],
        ["000000", "ffffff"],
        ["Barclays Center", "Brooklyn", "NY"],
    ),
    franchise(
        18,
        1610612752,
        "NY",
        ["New York", "Knicks"],
        ["1d428a", "f58426"],
        ["Madison Square Garden", "New York", "NY"],
    ),
    franchise(
        19,
        1610612753,
        "ORL",
        ["Orlando", "Magic"],
        ["0150b5", "9ca0a3"],
        ["Kia Center", "Orlando", "FL"],
    ),
    franchise(
        20,
        1610612755,
        "PHI",
        ["Philadelphia", "76ers"],
        ["1d428a", "e01234"],
        ["Wells Fargo Center", "Philadelphia", "PA"],
    ),
    franchise(
        21,
        1610612756,
        "PHX",
        ["Phoenix", "Suns"],
        ["29127a", "e56020"],
        ["PHX Arena", "Phoenix", "AZ"],
    ),
    franchise(
        22,
        1610612757,
        "POR",
        ["Portland", "Trail Blazers"],
        ["e03a3e", "000000"],
        ["Moda Center", "Portland", "OR"],
    ),
    franchise(
        23,
        1610612758,
        "SAC",
        ["Sacramento", "Kings"],
        ["5a2d81", "6a7a82"],
        ["Golden 1 Center", "Sacramento", "CA"],
    ),
    franchise(
        24,
        1610612759,
        "SA",
        ["San Antonio", "Spurs"],
        ["000000", "c4ced4"],
        ["Frost Bank Center", "San Antonio", "TX"],
    ),
    franchise(
        25,
        1610612760,
        "OKC",
        ["Oklahoma City", "Thunder"],
        ["007ac1", "ef3b24"],
        ["Paycom Center", "Oklahoma City", "OK"],
    ),
    franchise(
        26,
        1610612762,
        "UTAH",
        ["Utah", "Jazz"],
        ["4e008e", "79a3dc"],
        ["Delta Center", "Salt Lake City", "UT"],
    ),
    franchise(
        27,
        1610612764,
        "WSH",
        ["Washington", "Wizards"],
        ["e31837", "002b5c"],
        ["Capital One Arena", "Washington", "DC"],
    ),
    franchise(
        28,
        1610612761,
        "TOR",
        ["Toronto", "Raptors"],
        ["d91244", "000000"],
        ["Scotiabank Arena", "Toronto", "ON"],
    ),
    franchise(
        29,
        1610612763,
        "MEM",
        ["Memphis", "Grizzlies"],
        ["5d76a9", "12173f"],
        ["FedExForum", "Memphis", "TN"],
    ),
    franchise(
        30,
        1610612766,
        "CHA",
        ["Charlotte", "Hornets"],
        ["008ca8", "1d1060"],
        ["Spectrum Center", "Charlotte", "NC"],
    ),
];

static SPECIAL: [Team; 57] = [
    special(31, "EAST", "Eastern Conf", "All-Stars", "USA"),
    special(32, "WEST", "Western Conf", "All-Stars", "USA"),
    special(104, "GIA", "Team", "Giannis", "USA"),
    special(111, "LEB", "Team", "LeBron", "USA"),
    special(118, "DUR", "Team", "Durant", "USA"),
    special(125, "STE", "Team", "Stephen", "USA"),
    special(132, "CHU", "Team", "Chuck", "USA"),
    special(139, "SHQ", "Team", "Shaq", "USA"),
    special(146, "KEN", "Team", "Kenny", "USA"),
    special(153, "CAN", "Team", "Candace", "USA"),
    special(160, "WRL", "Team", "World", "USA"),
    special(167, "USA", "Team", "USA", "USA"),
    special(174, "ROO", "Rising Stars", "Rookies", "USA"),
    special(181, "SOP", "Rising Stars", "Sophomores", "USA"),
    special(188, "MHA", "Haifa", "Maccabi", "ISR"),
    special(195, "MTA", "Tel Aviv", "Maccabi", "ISR"),
    special(202, "JER", "Jerusalem", "Hapoel", "ISR"),
    special(209, "RMA", "Madrid", "Real", "ESP"),
    special(216, "EST", "Badalona", "Joventut", "ESP"),
    special(223, "BAR", "Barcelona", "Bàsquet", "ESP"),
    special(230, "MAL", "Málaga", "Unicaja", "ESP"),
    special(237, "VIT", "Vitoria", "Baskonia", "ESP"),
    special(244, "BIL", "Bilbao", "Basket", "ESP"),
    special(251, "VAL", "Valencia", "Basket", "ESP"),
    special(258, "CSK", "Moscow", "CSKA", "RUS"),
    special(265, "KHI", "Khimki", "BC", "RUS"),
    special(272, "FEN", "Istanbul", "Fenerbahçe", "TUR"),
    special(279, "EFE", "Istanbul", "Efes", "TUR"),
    special(286, "GAL", "Istanbul", "Galatasaray", "TUR"),
    special(293, "BES", "Istanbul", "Beşiktaş", "TUR"),
    special(300, "DAR", "Istanbul", "Darüşşafaka", "TUR"),
    special(307, "PAN", "Athens", "Panathinaikos", "GRE"),
    special(314, "OLY", "Piraeus", "Olympiacos", "GRE"),
    special(321, "PAR", "Belgrade", "Partizan", "SRB"),
    special(328, "RED", "Belgrade", "Crvena zvezda", "SRB"),
    special(335, "ZAG", "Zagreb", "Cibona", "CRO"),
    special(342, "MIL", "Milano", "Olimpia", "ITA"),
    special(349, "SIE", "Siena", "Mens Sana", "ITA"),
    special(356, "ROM", "Roma", "Virtus", "ITA"),
    special(363, "BOL", "Bologna", "Fortitudo", "ITA"),
    special(370, "TRE", "Treviso", "Benetton", "ITA"),
    special(377, "ALB", "Berlin", "Alba", "GER"),
    special(384, "BAM", "Bamberg", "Baskets", "GER"),
    special(391, "BAY", "München", "Bayern", "GER"),
    special(398, "ASV", "Villeurbanne", "ASVEL", "FRA"),
    special(405, "PAU", "Orthez", "Élan Béarnais", "FRA"),
    special(412, "KAU", "Kaunas", "Žalgiris", "LTU"),
    special(419, "LIE", "Vilnius", "Lietuvos rytas", "LTU"),
    special(426, "FLA", "Rio de Janeiro", "Flamengo", "BRA"),
    special(433, "FRC", "Franca", "Basquete", "BRA"),
    special(440, "SLA", "Buenos Aires", "San Lorenzo", "ARG"),
    special(447, "GUA", "Guangzhou", "Loong Lions", "CHN"),
    special(454, "BJD", "Beijing", "Ducks", "CHN"),
    special(461, "SHA", "Shanghai", "Sharks", "CHN"),
    special(468, "MEL", "Melbourne", "United", "AUS"),
    special(475, "ADE", "Adelaide", "36ers", "AUS"),
    special(482, "NZB", "New Zealand", "Breakers", "NZL"),
];

const fn franchise(
    espn_id: u16,
    nba_id: u32,
    abbrev: &'static str,
    name: [&'static str; 2],
    colors: [&'static str; 2],
    place: [&'static str; 3],
) -> Team {
    Team {
        espn_id,
        nba_id,
        abbrev,
        location: name[0],
        name: name[1],
        color: colors[0],
        alt_color: colors[1],
        venue: place[0],
        city: place[1],
        state: place[2],
    }
}

const fn special(
    espn_id: u16,
    abbrev: &'static str,
    location: &'static str,
    name: &'static str,
    country: &'static str,
) -> Team {
    Team {
        espn_id,
        nba_id: 0,
        abbrev,
        location,
        name,
        color: "1d428a",
        alt_color: "c8102e",
        venue: "Neutral Site",
        city: location,
        state: country,
    }
}
