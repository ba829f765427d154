// Made-up data of the API, so that the page can be looked at without a fleet. It moves: a live run gets further.
const MINUTE = 60_000;
const began = Date.now();
const at = (minutes) => new Date(began + minutes * MINUTE).toISOString();
export const uuid = (n) => `0193a7c2-5f00-7${String(n).padStart(3, "0")}-8a4e-3c5d9f01${String(1000 + n)}`;

const noProgress = { share: null, rate: null, seconds_left: null, progress: null, error: null, enqueued: 0 };
const found = (listed, unchanged, enqueued, bytes, more = {}) => ({
  listed,
  listed_destination: unchanged + 1_200,
  unchanged,
  filtered: 0,
  not_judged: 0,
  enqueued,
  enqueued_bytes: bytes,
  deletes: 0,
  unlisted: 0,
  ...more,
});
const settled = (more = {}) => ({
  copied: 0,
  deleted: 0,
  skipped: 0,
  skipped_by: {},
  failed: 0,
  failed_by: {},
  cancelled: 0,
  bytes: 0,
  last: at(0),
  ...more,
});

/** A run that gets further as time passes. */
function moving(total, bytes, perSecond, offset, failed = 0) {
  const done = Math.min(total - 50, Math.floor(offset + ((Date.now() - began) / 1000) * perSecond));
  return {
    ...noProgress,
    state: "copying",
    enqueued: total,
    share: done / total,
    seconds_left: (total - done) / perSecond,
    found: found(total * 2.4, total * 1.4, total, bytes),
    settled: settled({
      copied: done - failed - 40,
      skipped: 40,
      skipped_by: { archived: 40 },
      failed,
      failed_by: failed ? { denied: failed - 6, "no-such-container": 6 } : {},
      bytes: (bytes * done) / total,
    }),
    rate: { objects: perSecond, bytes: (bytes / total) * perSecond },
  };
}

const ended = (n, end, minutes, more = {}) => ({
  id: uuid(n),
  end,
  ended: at(minutes),
  failed: 0,
  lost: 0,
  not_judged: 0,
  unlisted: 0,
  error: null,
  ...more,
});

function task(name, n, more) {
  return {
    name,
    id: uuid(900 + n),
    state: "active",
    status: "waiting",
    description: "",
    source: "s3://photos",
    schedule: null,
    destination: "s3://backup/photos",
    events: false,
    notify: false,
    version: 1,
    created: at(-60 * 24 * 40 + n),
    next_due: null,
    skipped_due: null,
    limits: { machines: null, bandwidth: null, requests: null },
    run: null,
    last_run: null,
    cancelling: [],
    errors: [],
    ...more,
  };
}

export function tasks() {
  return [
    task("archive-2019", 1, {
      source: "s3://media-archive/2019",
      destination: "oss://archive-cn/2019",
      status: "paused",
      state: "paused",
      last_run: ended(11, "cancelled", -60 * 26),
      description: "One-off move of the 2019 masters",
    }),
    task("catalog-mirror", 2, {
      source: "s3://catalog-eu/products",
      destination: "s3://catalog-us/products",
      schedule: "every 15m",
      events: true,
      next_due: at(11),
      last_run: ended(12, "done", -4),
      notify: true,
    }),
    task("invoices-to-cold-storage", 3, {
      source: "/srv/exports/invoices",
      destination: "s3://finance-cold/invoices",
      schedule: "cron 0 3 * * mon-fri Europe/Berlin",
      next_due: at(60 * 7),
      last_run: ended(13, "done", -60 * 14),
    }),
    task("logs-eu-to-cn", 4, {
      source: "s3://logs-prod/eu-west-1",
      destination: "cos://logs-1250000000/eu",
      status: "failed",
      errors: [
        {
          worker: "i-0b77d1e0",
          error:
            "transfers wait: the last requests to the destination failed: put cos://logs-1250000000/eu/04/a.gz: no answer: Connection refused (os error 111)",
        },
      ],
      schedule: "every 6h",
      next_due: at(190),
      last_run: ended(14, "done", -60 * 6),
      run: {
        id: uuid(24),
        version: 3,
        begun: at(-12),
        ...noProgress,
        state: "listing",
        found: found(1_840_000 + Math.floor((Date.now() - began) / 3), 1_790_000, 50_000, 2.1e10),
        enqueued: 50_000,
        settled: settled({ copied: 31_400, bytes: 1.3e10 }),
        rate: { objects: 890, bytes: 3.7e8 },
      },
    }),
    task("photos-to-backup", 5, {
      status: "running",
      description: "All customer photos, every night",
      schedule: "cron 0 2 * * * UTC",
      next_due: at(60 * 20),
      version: 7,
      last_run: ended(15, "done", -60 * 22),
      limits: { machines: 8, bandwidth: 5.24288e8, requests: null },
      run: { id: uuid(25), version: 7, begun: at(-38), ...moving(1_240_000, 3.6e12, 310, 560_000, 214) },
    }),
    task("tenant-assets", 6, {
      source: "r2://tenant-assets",
      destination: "s3://tenant-assets-mirror",
      status: "failed",
      schedule: "every 1h",
      next_due: at(22),
      last_run: ended(16, "done-with-failures", -38, { failed: 1_284 }),
    }),
    task("vendor-drop", 7, {
      source: "gs://vendor-drop/incoming",
      destination: "s3://landing/vendor",
      status: "failed",
      events: true,
      last_run: ended(17, "done", -60 * 80),
      errors: [
        {
          worker: "i-0c31a7b9",
          error:
            'source bucket "vendor-drop" denies ListObjects (403 AccessDenied): allow storage.objects.list for these HMAC keys',
        },
      ],
    }),
    task("weekly-dr-copy", 8, {
      source: "s3://prod-data/tenants/eu/customers-and-orders/partitioned",
      destination: "s3://dr-data-us-west-2/tenants/eu/customers-and-orders",
      schedule: "every 7d",
      next_due: at(60 * 24 * 3),
      last_run: ended(18, "stopped", -60 * 24 * 4, {
        error:
          "refused to delete 12,431 objects, because max-delete allows 1000: nothing was deleted; check the source, or raise --max-delete",
      }),
      status: "failed",
    }),
  ];
}

export function workers() {
  const one = (name, jobs, more = {}) => ({
    worker: name,
    machine: name,
    version: "0.9.0",
    state: "working",
    seen: new Date(Date.now() - 3_000).toISOString(),
    jobs,
    tasks: jobs ? [{ task: "photos-to-backup", jobs }] : [],
    errors: [],
    ...more,
  });
  return {
    group: { name: "flotilla-workers", min: 0, max: 12, wanted: 5, in_service: 4, machines: [] },
    group_error: null,
    items: [
      one("i-0a4f2c19e", 24),
      one("i-0b77d1e02", 22, {
        tasks: [
          { task: "photos-to-backup", jobs: 14 },
          { task: "logs-eu-to-cn", jobs: 8 },
        ],
      }),
      one("i-0c31a7b9f", 0, {
        errors: [{ task: "vendor-drop", error: 'source bucket "vendor-drop" denies ListObjects (403 AccessDenied)' }],
      }),
      one("i-0d90e5c44", 12, { state: "draining" }),
      one("i-0e16bb380", 0, { state: "silent", seen: at(-6), version: "0.8.2" }),
    ],
  };
}

export function fullTask(item) {
  const all = workers().items;
  return {
    ...item,
    queues: {
      ready: item.run ? 1_904 : 0,
      leased: item.run ? 58 : 0,
      delayed: 12,
      dead: item.name === "tenant-assets" ? 3 : 0,
    },
    queues_error: null,
    messages_die: item.state === "paused" ? at(60 * 24 * 9) : null,
    workers: item.run ? all.slice(0, 2) : [],
    event_run: item.events ? run(uuid(70), item, "events") : null,
    operations: [operation("plan"), operation("probe"), operation("verify")],
    changes: changes().slice(0, 10),
  };
}

export function run(id, item, kind = "find") {
  const base = {
    id,
    task: item.name,
    task_id: item.id,
    kind,
    version: item.version,
    source: item.source,
    destination: item.destination,
    who: "schedule",
    lost: 0,
    transfers: null,
    overrides: null,
    ...noProgress,
  };
  if (kind === "events")
    return {
      ...base,
      state: "copying",
      begun: at(-90_000),
      started: at(-90_000),
      ended: null,
      phases: entered("copying", -90_000),
      found: found(0, 0, 0, 0),
      settled: settled({
        copied: 48_210,
        deleted: 1_204,
        skipped: 310,
        skipped_by: { coalesced: 290, "in sync": 20 },
        bytes: 9.1e10,
      }),
    };
  if (item.run?.id === id)
    return {
      ...base,
      ...item.run,
      who: "ada@example.com",
      started: at(-37),
      ended: null,
      phases: [
        ...entered("queued", -38, "listing", -37.6),
        ...(item.run.state === "copying" ? entered("copying", -21) : []),
      ],
      transfers: { workers: 2, objects: 6, bytes: 4.1e10, bytes_per_second: 3.1e8 },
    };
  const last = item.last_run ?? ended(0, "done", -60);
  const isLast = last.id === id;
  const failed = isLast ? last.failed : 0;
  return {
    ...base,
    state: isLast ? last.end : "done",
    begun: at(-60),
    started: at(-59),
    ended: isLast ? last.ended : at(-41),
    phases: entered(
      "queued",
      -60,
      "listing",
      -59.7,
      "releasing",
      -52.2,
      "copying",
      -51.9,
      isLast ? last.end : "done",
      -41,
    ),
    error: isLast ? last.error : null,
    enqueued: 84_200,
    share: 1,
    found: found(920_400, 836_180, 84_180, 2.41e11, { deletes: 20, filtered: 1_310 }),
    settled: settled({
      copied: 84_108 - failed,
      deleted: 20,
      skipped: 72,
      failed,
      failed_by: failed ? { denied: failed - 84, "wrong-bytes": 4, timeout: 80 } : {},
      skipped_by: { archived: 64, "gone from the source": 8 },
      bytes: 2.38e11,
    }),
  };
}

/** States with the minutes at which a run entered them. */
function entered(...pairs) {
  const states = pairs.filter((_, index) => index % 2 === 0);
  return states.map((state, index) => ({ state, entered: at(pairs[index * 2 + 1]) }));
}

export function runs(item) {
  const ids = [
    ...(item.run ? [item.run.id] : []),
    ...(item.last_run ? [item.last_run.id] : []),
    ...Array.from({ length: 12 }, (_, n) => uuid(100 + n)),
  ];
  return ids.map((id, n) => ({
    ...run(id, item),
    ...(n > 1 ? { begun: at(-60 * 24 * n), started: at(-60 * 24 * n), ended: at(-60 * 24 * n + 19) } : {}),
  }));
}

const failure = (n, reason, error) => ({
  key: `2026/11/${String((n % 27) + 1).padStart(2, "0")}/IMG_${String(48_210 + n * 17)}.CR3`,
  state: "failed",
  reason,
  size: 24_118_204 + n * 91_301,
  attempts: 3,
  error,
  worker: "i-0a4f2c19e",
  started: at(-41),
  finished: at(-40 + n / 40),
  proof: null,
});
const CAUSES = [
  [
    "denied",
    1_200,
    'destination bucket "tenant-assets-mirror" denies PutObject (403 AccessDenied): allow s3:PutObject, then run "flotilla retry"',
  ],
  ["timeout", 80, "destination: no answer to UploadPart within 60 s (3 attempts)"],
  [
    "wrong-bytes",
    4,
    "the destination holds other bytes than were sent, and denies DeleteObject: remove the object, or allow s3:DeleteObject",
  ],
];

export const groups = () =>
  CAUSES.map(([cause, objects, error], n) => ({ cause, objects, example: failure(n, cause, error) }));
export const failures = (cause) =>
  Array.from({ length: 12 }, (_, n) => {
    const [name, , error] = CAUSES.find(([one]) => one === cause) ?? CAUSES[n % 9 === 8 ? 1 : 0];
    return failure(n, name, error);
  });

export const outcome = (key) => ({
  key,
  state: "copied",
  reason: null,
  size: 24_118_204,
  attempts: 1,
  error: null,
  worker: "i-0b77d1e02",
  started: at(-41),
  finished: at(-40),
  proof: {
    source_etag: '"9b2cf535f27731c974343645a3985328"',
    source_version: "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH",
    etag: '"9b2cf535f27731c974343645a3985328"',
    checksum: "crc64nvme:8lXo2LQqPzk=",
    verified: "etag",
  },
});

export function samples(from) {
  const step = Math.max(60, Math.ceil((Date.now() - from) / 1000 / 120 / 60) * 60);
  const time = [];
  for (let now = Math.floor(from / 1000 / step) * step; now < Date.now() / 1000; now += step) time.push(now);
  const wave = (n, base, swing) => Math.max(0, base + swing * Math.sin(n / 7) + swing * 0.4 * Math.sin(n / 2.3));
  const idle = time.length * 0.35;
  const series = (base, swing) => time.map((_, n) => (n < idle ? 0 : wave(n, base, swing)));
  return {
    step,
    time,
    objects_per_second: series(300, 70),
    bytes_per_second: series(8.6e8, 2e8),
    failed: time.map((_, n) => (n % 19 === 18 ? 12 : 0)),
    ready: series(2_400, 900).map(Math.round),
    leased: series(58, 9).map(Math.round),
    delayed: series(4, 3).map(Math.round),
    dead: time.map(() => 0),
    machines: series(4, 1).map(Math.round),
    machines_wanted: time.map((_, n) => (n < idle ? 0 : 5)),
    machines_in_service: time.map((_, n) => (n < idle + 4 ? 0 : 4)),
    event_age: series(2, 2),
  };
}

export const plan = {
  source: "s3://photos",
  destination: "s3://backup/photos",
  listed: 920_400,
  listed_destination: 837_500,
  unchanged: 836_180,
  filtered: 1_310,
  not_judged: 0,
  copies: 84_220,
  copy_bytes: 2.41e11,
  reasons: [
    ["missing", 84_000],
    ["size", 220],
  ],
  deletes: 20,
  copy_keys: ["2026/11/03/IMG_48312.CR3", "2026/11/03/IMG_48313.CR3"],
  delete_keys: ["2019/old/a.jpg", "2019/old/b.jpg"],
  deletes_refused: null,
  jobs: 171,
  requests: [
    { service: "source", operation: "ListObjectsV2", count: 922, usd: 0.0046 },
    { service: "destination", operation: "PutObject", count: 84_220, usd: 0.42 },
  ],
  usd_requests: 0.4731,
  usd_egress_at_most: 19.84,
  prices_date: "2026-10",
  prices_source: "us-east-1",
};

const yes = { answer: "yes" };
export const probe = {
  source: {
    location: "s3://photos",
    list: yes,
    read: yes,
    write: { answer: "not-tried", reason: "a source is never written to" },
    delete: { answer: "not-tried", reason: "a source is never written to" },
  },
  destination: {
    location: "s3://backup/photos",
    list: yes,
    read: yes,
    write: {
      answer: "no",
      reason: "CreateMultipartUpload: AccessDenied (HTTP 403)",
      remedy: "allow s3:PutObject and s3:AbortMultipartUpload",
    },
    delete: { answer: "not-tried", reason: "deleting is tried by a write test" },
  },
};
export const allowed = { source: probe.source, destination: { ...probe.destination, write: yes } };
const verify = {
  compared: 920_400,
  same: 920_396,
  size_only: 0,
  different: 4,
  changing: 0,
  by: {},
  seconds: 412,
  is_cut: false,
  differences: [
    { key: "2026/11/03/IMG_48312.CR3", kind: "missing", what: "missing at the destination" },
    { key: "2026/11/09/IMG_51002.CR3", kind: "size", what: "24,118,204 B, 0 B" },
  ],
};

export function operation(kind, more = {}) {
  const result = { plan, probe, verify }[kind];
  return {
    id: uuid(500),
    kind,
    state: "done",
    verdict: "succeeded",
    who: "ada@example.com",
    requested: at(-90),
    ended: at(-88),
    worker: "i-0a4f2c19e",
    progress: null,
    error: null,
    result,
    ...more,
  };
}

const changed = (task) => ({ task, task_id: task });
export const changes = () => [
  { ...changed("photos-to-backup"), who: "ada@example.com", at: at(-38), action: "run", subject: uuid(25), note: null },
  {
    ...changed("photos-to-backup"),
    who: "grace@example.com",
    at: at(-60 * 3),
    action: "limit",
    subject: null,
    note: "bandwidth = 500MiB",
  },
  {
    ...changed("photos-to-backup"),
    who: "grace@example.com",
    at: at(-60 * 30),
    action: "edit",
    subject: "7",
    note: "schedule, max-delete",
  },
  {
    ...changed("photos-to-backup"),
    who: "ada@example.com",
    at: at(-60 * 24 * 40),
    action: "create",
    subject: "1",
    note: null,
  },
];

export const notices = () => ({
  receivers: [
    { channel: "topic", delivered: at(-70), error: null, tries: 1 },
    { channel: "webhook", delivered: at(-1_500), error: "notify webhook: the webhook answered 503", tries: 4 },
  ],
  items: [
    ["run-ended", "topic", 70, null, 1],
    ["run-ended", "webhook", null, "notify webhook: the webhook answered 503", 4],
    ["goes-on", "topic", 1_480, null, 1],
    ["waits", "topic", 1_500, null, 1],
    ["test", "webhook", 1_500, null, 1],
  ].map(([event, channel, delivered, error, tries], n) => ({
    id: uuid(650 + n),
    event,
    channel,
    run: event === "run-ended" ? uuid(16) : null,
    requested: at(-(delivered ?? 70) - 1),
    delivered: delivered === null ? null : at(-delivered),
    tries,
    error,
    done: !error,
  })),
});

export const letters = () => ({
  count: 3,
  items: [1, 2, 3].map((n) => ({
    id: uuid(600 + n),
    deliveries: 100,
    reason: "HTTP 400 InvalidRequest: the object's name is too long for this store",
    what: "objects copy",
    run: uuid(16),
    objects: 1,
    body: JSON.stringify(
      {
        v: 7,
        task: uuid(906),
        run: uuid(16),
        kind: "objects",
        verb: "copy",
        body: { objects: [{ key: "x".repeat(60), size: 12 }] },
      },
      null,
      2,
    ),
  })),
});

export const credentials = () => [
  {
    origin: "default",
    uses: 9,
    used_by: [
      { task: "photos-to-backup", side: "source", location: "s3://photos" },
      { task: "photos-to-backup", side: "destination", location: "s3://backup/photos" },
    ],
  },
  {
    origin: "secretsmanager:flotilla/r2",
    uses: 1,
    used_by: [{ task: "tenant-assets", side: "source", location: "r2://tenant-assets" }],
  },
  {
    origin: "env:COS",
    uses: 1,
    used_by: [{ task: "logs-eu-to-cn", side: "destination", location: "cos://logs-1250000000/eu" }],
  },
];

export const definition = (item) => ({
  version: item.version,
  definition: {
    task: item.name,
    ...(item.schedule ? { schedule: item.schedule } : {}),
    source: { location: item.source },
    destination: { location: item.destination },
    find: { delete: true, "max-delete": 1000 },
  },
  toml: `task = "${item.name}"\n${item.schedule ? `schedule = "${item.schedule}"\n` : ""}\n[source]\nlocation = "${item.source}"\n\n[destination]\nlocation = "${item.destination}"\n\n[find]\ndelete = true\nmax-delete = 1000\n`,
});
