//! Evidence ledger, rollback planning and phase gates for the nba suite
