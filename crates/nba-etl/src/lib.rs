//! Legacy script runner, data lake access and native loaders for the nba suite
