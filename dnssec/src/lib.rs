//! DNSSEC verdicts on DNS answers.
