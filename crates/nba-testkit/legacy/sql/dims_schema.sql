CREATE TABLE IF NOT EXISTS dims_metrics_history (
    id SERIAL PRIMARY KEY,
    metric_category VARCHAR(100) NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value TEXT,
    recorded_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
