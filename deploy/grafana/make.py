#!/usr/bin/env python3
"""Writes the dashboards beside it: python3 deploy/grafana/make.py. The JSON files are what Grafana imports."""

import json
import sys
from pathlib import Path

FLEET = 'fleet=~"$fleet"'


def panel(title, unit, *queries, kind="timeseries"):
    """A panel over queries, each with its legend."""
    return {"title": title, "unit": unit, "kind": kind, "queries": queries}


DASHBOARDS = {
    "fleet": (
        "Flotilla: fleet",
        [
            panel("Objects settled", "ops", (f"sum by (outcome) (rate(flotilla_objects_total{{{FLEET}}}[5m]))", "{{outcome}}")),
            panel("Bytes moved", "Bps", (f"sum by (by) (rate(flotilla_transferred_bytes_total{{{FLEET}}}[5m]))", "{{by}}")),
            panel("Jobs on the queues", "short", (f"max by (state) (flotilla_queue_jobs{{{FLEET}}})", "{{state}}")),
            panel(
                "Age of jobs when received",
                "s",
                (f"histogram_quantile(0.5, sum by (le) (rate(flotilla_queue_age_seconds_bucket{{{FLEET}}}[5m])))", "median"),
                (f"histogram_quantile(0.9, sum by (le) (rate(flotilla_queue_age_seconds_bucket{{{FLEET}}}[5m])))", "90 %"),
            ),
            panel(
                "Transfers",
                "short",
                (f"sum(flotilla_transfers{{{FLEET}}})", "in progress"),
                (f"sum(flotilla_transfers_limit{{{FLEET}}})", "limit"),
            ),
            panel("Jobs leased, by worker", "short", (f"flotilla_leases{{{FLEET}}}", "{{instance}}")),
            panel("Workers", "short", (f'sum(up{{job="flotilla", {FLEET}}})', "answer"), (f"sum(flotilla_worker_outdated{{{FLEET}}})", "outdated"), (f"max(flotilla_wanted_machines{{{FLEET}}})", "wanted")),
            panel("Jobs executed", "ops", (f"sum by (verb, outcome) (rate(flotilla_jobs_total{{{FLEET}}}[5m]))", "{{verb}} {{outcome}}")),
        ],
    ),
    "task": (
        "Flotilla: transfers",
        [
            panel("Objects settled", "ops", (f"sum by (outcome) (rate(flotilla_objects_total{{{FLEET}}}[5m]))", "{{outcome}}")),
            panel("Bytes of settled objects", "Bps", (f"sum by (outcome) (rate(flotilla_bytes_total{{{FLEET}}}[5m]))", "{{outcome}}")),
            panel("Objects settled, by task", "ops", (f"sum by (task) (rate(flotilla_task_objects_total{{{FLEET}}}[5m]))", "{{task}}")),
            panel("Bytes settled, by task", "Bps", (f"sum by (task) (rate(flotilla_task_bytes_total{{{FLEET}}}[5m]))", "{{task}}")),
            panel(
                "Bytes transferred, by task",
                "Bps",
                (f"sum by (task) (rate(flotilla_task_transferred_bytes_total{{{FLEET}}}[5m]))", "{{task}}"),
            ),
            panel("Workers that cannot serve a task", "short", (f"sum by (task) (flotilla_task_failing{{{FLEET}}})", "{{task}}")),
            panel(
                "Time of a copy",
                "s",
                (f"histogram_quantile(0.5, sum by (le) (rate(flotilla_transfer_seconds_bucket{{{FLEET}}}[5m])))", "median"),
                (f"histogram_quantile(0.99, sum by (le) (rate(flotilla_transfer_seconds_bucket{{{FLEET}}}[5m])))", "99 %"),
            ),
            panel("Objects in flight", "short", (f"sum(flotilla_objects_in_flight{{{FLEET}}})", "objects")),
            panel("Bytes in flight", "bytes", (f"sum(flotilla_in_flight_bytes{{{FLEET}}})", "bytes")),
            panel("Listing pages read", "ops", (f"sum by (side) (rate(flotilla_listing_pages_total{{{FLEET}}}[5m]))", "{{side}}")),
            panel(
                "The finder's run",
                "short",
                (f"max(flotilla_run_listed_objects{{{FLEET}}})", "listed"),
                (f"max(flotilla_run_enqueued_objects{{{FLEET}}})", "enqueued"),
            ),
        ],
    ),
    "events": (
        "Flotilla: events",
        [
            panel("Events received", "ops", (f"sum by (verdict) (rate(flotilla_events_total{{{FLEET}}}[5m]))", "{{verdict}}")),
            panel("Events by format", "ops", (f"sum by (format) (rate(flotilla_events_total{{{FLEET}}}[5m]))", "{{format}}")),
            panel(
                "From change to outcome",
                "s",
                (f"histogram_quantile(0.5, sum by (le) (rate(flotilla_event_age_seconds_bucket{{{FLEET}}}[5m])))", "median"),
                (f"histogram_quantile(0.99, sum by (le) (rate(flotilla_event_age_seconds_bucket{{{FLEET}}}[5m])))", "99 %"),
            ),
            panel("Second looks at the source", "ops", (f"sum by (found) (rate(flotilla_second_looks_total{{{FLEET}}}[5m]))", "{{found}}")),
        ],
    ),
    "errors": (
        "Flotilla: errors",
        [
            panel("Objects that failed", "short", (f'sum(increase(flotilla_objects_total{{outcome="failed", {FLEET}}}[5m]))', "failed")),
            panel("Dead letters", "short", (f'max(flotilla_queue_jobs{{state="dead", {FLEET}}})', "messages")),
            panel("Requests sent again", "ops", (f"sum by (operation) (rate(flotilla_retries_total{{{FLEET}}}[5m]))", "{{operation}}")),
            panel("Requests throttled", "ops", (f"sum by (operation) (rate(flotilla_throttles_total{{{FLEET}}}[5m]))", "{{operation}}")),
            panel("Stores that fail", "short", (f"max by (side) (flotilla_store_failing{{{FLEET}}})", "{{side}}")),
            panel(
                "Jobs not done",
                "ops",
                (f'sum by (outcome) (rate(flotilla_jobs_total{{outcome!="done", {FLEET}}}[5m]))', "{{outcome}}"),
            ),
        ],
    ),
}


def dashboard(uid, title, panels):
    source = {"type": "prometheus", "uid": "${source}"}
    placed = []
    for index, one in enumerate(panels):
        targets = [
            {"datasource": source, "expr": expression, "legendFormat": legend, "refId": chr(ord("A") + number)}
            for number, (expression, legend) in enumerate(one["queries"])
        ]
        placed.append(
            {
                "id": index + 1,
                "title": one["title"],
                "type": one["kind"],
                "datasource": source,
                "gridPos": {"x": 12 * (index % 2), "y": 8 * (index // 2), "w": 12, "h": 8},
                "fieldConfig": {"defaults": {"unit": one["unit"], "min": 0}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
                "targets": targets,
            }
        )
    variables = [
        {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"},
        {
            "name": "fleet",
            "label": "Fleet",
            "type": "query",
            "datasource": source,
            "query": {"query": "label_values(flotilla_leases, fleet)", "refId": "fleet"},
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
        },
    ]
    return {
        "uid": f"flotilla-{uid}",
        "title": title,
        "tags": ["flotilla"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables},
        "panels": placed,
    }


def texts():
    return {f"{uid}.json": json.dumps(dashboard(uid, *parts), indent=2) + "\n" for uid, parts in DASHBOARDS.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, text in texts().items():
        (folder / name).write_text(text)
