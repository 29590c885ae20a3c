# Writes one CSV per season and table; failed calls are counted, never fatal.
args <- commandArgs(trailingOnly = TRUE)
out <- if (length(args) > 0) args[[1]] else "/tmp/hoopr_phase1"
library(hoopR)
errors <- 0
for (season in 2002:2025) {
  Sys.sleep(2)
  pbp <- tryCatch(load_nba_pbp(seasons = season), error = function(e) NULL)
  if (is.null(pbp)) { errors <- errors + 1; next }
  write.csv(pbp, file.path(out, "bulk_pbp", sprintf("pbp_%d.csv", season)), row.names = FALSE)
}
cat(sprintf("errors: %d\n", errors))
quit(status = 0)
