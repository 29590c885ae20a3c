use super::*;

fn sample(games: u32) -> impl Iterator<Item = (Universe, u32)> {
    let universe = Universe::new(5);
    (0..games).map(move |number| (universe.clone(), number * (universe.len() / games)))
}

#[test]
fn asked_number_of_plays_is_exact() {
    for (universe, index) in sample(200) {
        let plays = 400 + index % 121;
        let options = SimOptions {
            plays: Some(plays),
            roster_size: Some([10, 15]),
        };
        let game = simulate(&universe.header(index), &options).unwrap();
        assert_eq!(
            game.plays.len(),
            usize::try_from(plays).unwrap(),
            "game {index}"
        );
        assert_eq!([game.rosters[0].len(), game.rosters[1].len()], [10, 15]);
        assert_eq!(game.plays.last().unwrap().score, game.final_score());
    }
}
