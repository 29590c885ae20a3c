//! Layered configuration with provenance for a legacy NBA data platform: every variable family, no silent guesses
