//! Baselines, per-table rules and health checks that cannot lie
