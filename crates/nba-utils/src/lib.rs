//! Shared vocabulary of the nba suite: verdicts, seasons, game ids, clocks, logging, atomic files, tree fingerprints
