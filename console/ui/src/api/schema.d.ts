export interface paths {
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The changes of a task, or of all tasks, the newest first. */
        get: operations["list_changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Origins of credentials, and who uses them. Each page is about the next tasks by name. */
        get: operations["list_credentials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/definitions/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Check a definition. */
        post: operations["check_definition"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tasks whose live or last run has failures. */
        get: operations["list_failures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/features": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this console can do. */
        get: operations["get_features"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with the token that the program prints. */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Finish to sign in, with the provider's answer. */
        get: operations["finish_login"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Begin to sign in at the OpenID provider. */
        get: operations["start_login"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign out. */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in. */
        get: operations["get_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/operations/{operation}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An operation. */
        get: operations["get_operation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/plans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Plan a run of a definition. */
        post: operations["plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/probes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Probe the sides of a definition. */
        post: operations["probe"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A run. */
        get: operations["get_run"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cancel a run. */
        post: operations["cancel_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/definition": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The definition that a run keeps. */
        get: operations["get_run_definition"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The failures of a run, or their groups. */
        get: operations["list_run_failures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The failures of a run, one outcome a line. */
        get: operations["get_run_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Copy again what failed in a run. */
        post: operations["retry_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tasks, runs and operations as they change. */
        get: operations["stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tasks of the fleet. */
        get: operations["list_tasks"];
        put?: never;
        /** Create a task. */
        post: operations["create_task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everything about a task. */
        get: operations["get_task"];
        /** Replace the definition of a task. */
        put: operations["edit_task"];
        post?: never;
        /** Delete a task. */
        delete: operations["delete_task"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The first dead letters of a task. */
        get: operations["list_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/dead-letters/purge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Remove dead letters. */
        post: operations["purge_dead_letters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/dead-letters/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send dead letters again. */
        post: operations["redrive_dead_letters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/definition": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A definition of a task; its ETag is the version. */
        get: operations["get_definition"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Choose which events a task follows. */
        put: operations["set_events"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change the limits of a task. */
        patch: operations["limit_task"];
        trace?: never;
    };
    "/api/v1/tasks/{task}/notices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The notices of a task, and how they reach its receivers. */
        get: operations["list_notices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/notify-test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test notice to the receivers of a task.
         * @description The controller sends it within a minute. The result of the operation has each receiver, and why it did not take it.
         */
        post: operations["notify_test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/objects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last outcome of a key. */
        get: operations["get_object"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pause a task. */
        post: operations["pause_task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Resume a task. */
        post: operations["resume_task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The runs of a task, the newest first. Runs are listed for 90 days. */
        get: operations["list_runs"];
        put?: never;
        /** Begin a run. */
        post: operations["begin_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/samples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A task over time. */
        get: operations["get_samples"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tasks/{task}/verifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Verify a task. */
        post: operations["verify_task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The workers of the fleet, and its group of machines. */
        get: operations["list_workers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A run that was begun. */
        BegunRun: {
            /** @description The run. */
            run: string;
            /** @description The run that it replaces, which is being cancelled. */
            superseded?: string | null;
            /** @description The task's name. */
            task: string;
        };
        /** @description A run that is being cancelled. */
        CancelledRun: {
            /** @description The run. */
            run: string;
            /** @description The task's name. */
            task: string;
        };
        /** @description A change of a task. */
        Change: {
            /** @description `create`, `edit`, `pause`, `resume`, `limit`, `run`, `cancel`, `delete`, `forget`, `redrive`, `purge`. */
            action: string;
            /** @description When. */
            at: string;
            /** @description More about it. */
            note?: string | null;
            /** @description The run or the version that it was made to. */
            subject?: string | null;
            /** @description The task. */
            task: string;
            /** @description The task's id: another task may have its name now. */
            task_id: string;
            /** @description Who made it: a person, a role or a program. */
            who: string;
        };
        /** @description A page of changes, the newest first. */
        ChangePage: {
            /** @description The changes. Of one person there may be none on a page before the last. */
            items: components["schemas"]["Change"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /**
         * @description How a notice is sent.
         * @enum {string}
         */
        Channel: "topic" | "webhook";
        /** @description A definition that a task may have. */
        CheckedDefinition: {
            /** @description With all defaults. */
            definition: components["schemas"]["Definition"];
            /** @description The next times at which it runs, at most three. */
            due: string[];
            /** @description As a file has it. */
            toml: string;
        };
        /** @description An origin of credentials. */
        CredentialsOrigin: {
            /**
             * @description As definitions spell it: `default`, `env:PREFIX`, `profile:NAME`, `file:PATH`, `secretsmanager:NAME`,
             *     `role:ARN`, `anonymous`.
             */
            origin: string;
            /** @description Sides of tasks that use it; at most 100. */
            used_by: components["schemas"]["CredentialsUse"][];
            /**
             * Format: int32
             * @description Sides of tasks that use it, counted.
             */
            uses: number;
        };
        /** @description A page of origins. */
        CredentialsPage: {
            /** @description The origins, by name. */
            items: components["schemas"]["CredentialsOrigin"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /** @description A side of a task. */
        CredentialsUse: {
            /** @description The location. */
            location: string;
            /** @description `source` or `destination`. */
            side: string;
            /** @description The task's name. */
            task: string;
        };
        /** @description A dead letter. */
        DeadLetter: {
            /** @description Its first 4,096 characters. */
            body: string;
            /**
             * Format: int32
             * @description How often it was received.
             */
            deliveries: number;
            /** @description The message's id. */
            id: string;
            /**
             * Format: int32
             * @description Its objects.
             */
            objects?: number | null;
            /** @description Why workers gave it up. */
            reason?: string | null;
            /** @description The run of its job. */
            run?: string | null;
            /** @description Kind and verb of its job, or the format of its event; `null` if it cannot be read. */
            what?: string | null;
        };
        /**
         * @description Dead letters of a task. The queue decides which ones it shows. A look hides them from nobody; letters that are being
         *     sent again or removed are hidden for that time.
         */
        DeadLetters: {
            /**
             * Format: int64
             * @description All dead letters, about.
             */
            count: number;
            /** @description The letters; at most 10. */
            items: components["schemas"]["DeadLetter"][];
        };
        /** @description What a task is to do, with the settings of a definition file. Their names are in kebab case. */
        Definition: {
            /** @description For people */
            description?: string;
            destination: {
                /**
                 * @description Where the URL names the bucket
                 * @enum {string}
                 */
                "addressing-style"?: "auto" | "path" | "virtual";
                /** @description Origin of credentials: `default`, `env:PREFIX`, `profile:NAME`, `file:PATH`, `secretsmanager:NAME`, `role:ARN`, `anonymous` */
                credentials?: string;
                /** @description Base URL of the endpoint; absent: that of the provider */
                "endpoint-url"?: string;
                /** @description `s3://BUCKET/PREFIX`, `file:///FOLDER`, or a location of another provider */
                location: string;
                /** @description Region */
                region?: string;
                /** @description Whether the requester pays */
                "requester-pays"?: boolean;
            };
            /**
             * @description Which changes of the source are followed
             * @enum {string}
             */
            events?: "off" | "create" | "create-delete";
            /** @description URL of a queue at SQS that the source bucket sends its events to */
            "events-queue"?: string;
            find?: {
                /**
                 * @description How objects are compared
                 * @enum {string}
                 */
                compare?: "auto" | "size-mtime" | "size" | "etag" | "checksum" | "always";
                /** @description Delete at the destination what the source does not have */
                delete?: boolean;
                /** @description Rules by key: `+ GLOB` includes, `- GLOB` excludes; the last match wins */
                filters?: string[];
                /** @description Most bytes of one copy job with several objects */
                "job-bytes"?: number | string;
                /** @description Most objects of one copy job */
                "job-objects"?: number;
                /** @description Most key ranges listed at once */
                "list-concurrency"?: number;
                /** @description Leave out older objects, such as `30s` or `1h 5m` */
                "max-age"?: string;
                /** @description Refuse all deletes of a run if there are more than this */
                "max-delete"?: number;
                /** @description Leave out larger objects */
                "max-size"?: number | string;
                /** @description Copy also what has other headers, user metadata or tags */
                metadata?: boolean;
                /** @description Leave out younger objects, such as `30s` or `1h 5m` */
                "min-age"?: string;
                /** @description Leave out smaller objects */
                "min-size"?: number | string;
                /** @description File of key prefixes to look at, one a line */
                "prefix-list"?: string;
            };
            limits?: {
                /** @description Bytes a second */
                bandwidth?: number | string;
                /** @description Most machines */
                machines?: number;
                /** @description Requests a second to each store */
                requests?: number;
            };
            notify?: {
                /** @description ARN of an SNS topic */
                topic?: string;
                /** @description URL that is sent a POST, or its origin: `env:NAME`, `file:PATH` */
                webhook?: string;
            };
            /** @description `once`, `every 6h` or `cron 0 3 * * mon-fri Europe/Berlin`; absent: when asked to */
            schedule?: string;
            source: {
                /**
                 * @description Where the URL names the bucket
                 * @enum {string}
                 */
                "addressing-style"?: "auto" | "path" | "virtual";
                /** @description Origin of credentials: `default`, `env:PREFIX`, `profile:NAME`, `file:PATH`, `secretsmanager:NAME`, `role:ARN`, `anonymous` */
                credentials?: string;
                /** @description Base URL of the endpoint; absent: that of the provider */
                "endpoint-url"?: string;
                /** @description `s3://BUCKET/PREFIX`, `file:///FOLDER`, or a location of another provider */
                location: string;
                /** @description Region */
                region?: string;
                /** @description Whether the requester pays */
                "requester-pays"?: boolean;
            };
            /** @description The name of the task */
            task: string;
            work?: {
                /** @description Whether access control lists are carried over */
                acl?: boolean;
                /** @description Attempts at one object */
                attempts?: number;
                /** @description Access control list at the destination */
                "canned-acl"?: string;
                /** @description Objects of at least this size are shared by the whole fleet */
                "giant-threshold"?: number | string;
                /** @description Larger objects go in parts */
                "multipart-threshold"?: number | string;
                /** @description Size of parts */
                "part-size"?: number | string;
                /**
                 * @description How outcomes are recorded: many together, or each as an item of its own
                 * @enum {string}
                 */
                records?: "packed" | "each";
                /**
                 * @description How archived objects are restored
                 * @enum {string}
                 */
                restore?: "expedited" | "standard" | "bulk";
                /** @description For how many days restored objects can be read */
                "restore-days"?: number;
                /** @description Delay before the second attempt, such as `30s` or `1h 5m` */
                "retry-delay"?: string;
                /** @description Whether services may copy between their own buckets */
                "server-side-copy"?: boolean;
                /**
                 * @description Encryption at the destination
                 * @enum {string}
                 */
                sse?: "AES256" | "aws:kms";
                /** @description Key of KMS */
                "sse-kms-key-id"?: string;
                /** @description Storage class at the destination */
                "storage-class"?: string;
                /** @description Whether an object fails that would lose something */
                strict?: boolean;
                /** @description Whether tags are carried over */
                tags?: boolean;
            };
        };
        /** @description The last run of a task that ended. */
        EndedRun: {
            /** @description How it ended: `done`, `done-with-failures`, `stopped` or `cancelled`. */
            end: components["schemas"]["RunState"];
            /** @description When that was seen. */
            ended: string;
            /** @description Why it stopped, or what it refused. */
            error?: string | null;
            /**
             * Format: int64
             * @description Objects that failed.
             */
            failed: number;
            /** @description The run. */
            id: string;
            /**
             * Format: int64
             * @description Objects whose messages were lost.
             */
            lost: number;
            /**
             * Format: int64
             * @description Objects that could not be compared.
             */
            not_judged: number;
            /**
             * Format: int64
             * @description Folders and names that could not be listed.
             */
            unlisted: number;
        };
        /** @description Which events of its source a task follows. */
        EventsRequest: {
            /** @description Which changes are followed. */
            events: components["schemas"]["FollowedEvents"];
        };
        /** @description Objects that failed by one cause. */
        FailureGroup: {
            /** @description The cause. */
            cause: string;
            example?: components["schemas"]["Outcome"] | null;
            /**
             * Format: int64
             * @description The objects.
             */
            objects: number;
        };
        /**
         * @description How failures are grouped.
         * @enum {string}
         */
        FailureGrouping: "cause";
        /** @description Failures of a run: groups, if the request asks for them, else objects. */
        FailurePage: {
            /**
             * Format: int64
             * @description Failures of the run.
             */
            failed: number;
            /** @description The groups, the largest first. */
            groups: components["schemas"]["FailureGroup"][];
            /** @description The objects. */
            items: components["schemas"]["Outcome"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /** @description What this console can do. */
        Features: {
            /** @description The fleet's name. */
            fleet: string;
            /** @description How people sign in. */
            login: components["schemas"]["LoginKind"];
            /** @description Where its records are. */
            mode: components["schemas"]["Mode"];
            /** @description Whether machines of the fleet are started and ended by a controller. */
            scales_machines: boolean;
            /** @description Whether this process also carries out the tasks. */
            serves_tasks: boolean;
            /** @description The program's version. */
            version: string;
        };
        /**
         * @description Which changes of its source a task follows.
         * @enum {string}
         */
        FollowedEvents: "off" | "create" | "create-delete";
        /** @description What a run's finder met. All are counts of objects, but for `enqueued_bytes`. */
        Found: {
            /**
             * Format: int64
             * @description To be deleted at the destination.
             */
            deletes: number;
            /**
             * Format: int64
             * @description To be copied.
             */
            enqueued: number;
            /**
             * Format: int64
             * @description Bytes of those.
             */
            enqueued_bytes: number;
            /**
             * Format: int64
             * @description Left out by filters.
             */
            filtered: number;
            /**
             * Format: int64
             * @description Listed at the source, after filters by key.
             */
            listed: number;
            /**
             * Format: int64
             * @description Listed at the destination.
             */
            listed_destination: number;
            /**
             * Format: int64
             * @description Could not be compared: nothing is done about them.
             */
            not_judged: number;
            /**
             * Format: int64
             * @description In sync.
             */
            unchanged: number;
            /**
             * Format: int64
             * @description Folders and names that could not be listed.
             */
            unlisted: number;
        };
        /** @description The group of machines of a fleet. */
        Group: {
            /**
             * Format: int32
             * @description Machines in service.
             */
            in_service: number;
            /** @description Its machines; at most 1,000. */
            machines: components["schemas"]["Machine"][];
            /**
             * Format: int32
             * @description Most machines.
             */
            max: number;
            /**
             * Format: int32
             * @description Fewest machines.
             */
            min: number;
            /** @description Its name. */
            name: string;
            /**
             * Format: int32
             * @description Machines that it wants.
             */
            wanted: number;
        };
        /** @description Limits over all workers; `null`: none. */
        Limits: {
            /**
             * Format: int64
             * @description Bytes a second.
             */
            bandwidth?: number | null;
            /**
             * Format: int32
             * @description Most machines that are started for the task.
             */
            machines?: number | null;
            /**
             * Format: int32
             * @description Requests a second to each store.
             */
            requests?: number | null;
        };
        /** @description A change of limits. A field that is left out stays; `null` removes the limit. */
        LimitsPatch: {
            /**
             * Format: int64
             * @description Bytes a second.
             * @default null
             */
            bandwidth: number | null;
            /**
             * Format: int32
             * @description Most machines that are started for the task.
             * @default null
             */
            machines: number | null;
            /**
             * Format: int32
             * @description Requests a second to each store.
             * @default null
             */
            requests: number | null;
        };
        /** @description The live run of a task. */
        LiveRun: components["schemas"]["Progress"] & {
            /** @description When it was asked for. */
            begun: string;
            /** @description The run. */
            id: string;
            /**
             * Format: int32
             * @description The version of the definition that it keeps.
             */
            version: number;
        };
        /**
         * @description How people sign in.
         * @enum {string}
         */
        LoginKind: "token" | "oidc";
        /** @description The token in the fragment of the address that the program prints. */
        LoginRequest: {
            /** @description The token. */
            token: string;
        };
        /** @description A machine of a group. */
        Machine: {
            /** @description Its name. */
            id: string;
            /** @description Whether it is in service, and not about to go. */
            in_service: boolean;
            /** @description The worker on it. */
            worker?: string | null;
        };
        /** @description Who is signed in. */
        Me: {
            /** @description The name that changes are recorded under. */
            name: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
        };
        /**
         * @description Where a fleet's records are.
         * @enum {string}
         */
        Mode: "folder" | "fleet";
        /** @description Dead letters that were moved, or removed. */
        MovedLetters: {
            /**
             * Format: int64
             * @description Letters of this call. There may be more: call again until it is 0.
             */
            moved: number;
            /** @description The task's name. */
            task: string;
        };
        /** @description A notice to a receiver. */
        Notice: {
            channel?: components["schemas"]["Channel"] | null;
            /** @description When the receiver took it; `null`: it has not. */
            delivered?: string | null;
            /** @description Whether it is sent no more. */
            done: boolean;
            /** @description Why the last attempt failed. */
            error?: string | null;
            /** @description What it is about. */
            event: components["schemas"]["NoticeEvent"];
            /** @description The operation that sends it. */
            id: string;
            /** @description When it was requested. */
            requested: string;
            /** @description The run that has ended. */
            run?: string | null;
            /**
             * Format: int64
             * @description Attempts so far.
             */
            tries: number;
        };
        /**
         * @description What a notice is about.
         * @enum {string}
         */
        NoticeEvent: "run-ended" | "waits" | "goes-on" | "test";
        /** @description The notices of a task. */
        Notices: {
            /** @description The notices among its newest 100 operations, the newest first; at most 20. */
            items: components["schemas"]["Notice"][];
            /** @description Its receivers. */
            receivers: components["schemas"]["Receiver"][];
        };
        /** @description An operation. */
        Operation: {
            /** @description When it ended. */
            ended?: string | null;
            /** @description Why it failed. */
            error?: string | null;
            /** @description Its id. */
            id: string;
            /** @description `find`, `plan`, `verify`, `probe`, `retry`, `close`, `erase` or `notify`. */
            kind: string;
            /** @description How far it is, for people. */
            progress?: string | null;
            /** @description When. */
            requested: string;
            /** @description Its result, as the command of its kind prints it with `--json`. */
            result?: Record<string, never> | null;
            /** @description How far it is. */
            state: components["schemas"]["OperationState"];
            verdict?: components["schemas"]["OperationVerdict"] | null;
            /** @description Who asked for it. */
            who: string;
            /** @description The worker of its last step. */
            worker?: string | null;
        };
        /**
         * @description How far an operation is.
         * @enum {string}
         */
        OperationState: "queued" | "running" | "done";
        /**
         * @description How an operation ended.
         * @enum {string}
         */
        OperationVerdict: "succeeded" | "failed" | "cancelled";
        /** @description What became of an object. */
        Outcome: {
            /**
             * Format: int32
             * @description Attempts at it.
             */
            attempts: number;
            /** @description Why it was given up. */
            error?: string | null;
            /** @description When it settled. */
            finished: string;
            /** @description Its key, relative to the task's locations. */
            key: string;
            proof?: components["schemas"]["Proof"] | null;
            /** @description Why it was skipped, or the cause of its failure. */
            reason?: string | null;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
            /** @description When the attempt began. */
            started: string;
            /** @description `copied`, `deleted`, `skipped`, `failed` or `cancelled`. */
            state: string;
            /** @description The worker that settled it. */
            worker: string;
        };
        /** @description A state of a run, and when it was entered. */
        Phase: {
            /** @description When the run entered it. */
            entered: string;
            /** @description The state. */
            state: components["schemas"]["RunState"];
        };
        /** @description Counts what a run would do, and its cost. */
        PlanRequest: {
            definition?: components["schemas"]["Definition"] | null;
            /** @description The task's name. */
            task?: string | null;
        };
        /** @description Finds out whether workers can list, read, write and delete. */
        ProbeRequest: {
            definition?: components["schemas"]["Definition"] | null;
            /** @description The task's name. */
            task?: string | null;
            /** @description Whether an object is written to the destination and deleted. */
            write_test?: boolean;
        };
        /** @description Why a request was refused, or could not be carried out. */
        Problem: {
            /** @description The problem in a stable word, in kebab case. */
            code: string;
            /** @description What happened, in one line. */
            detail: string;
            /**
             * @description Whether something was recorded before this happened: read what is there before you send the request again. `null`:
             *     it is unknown.
             */
            recorded?: boolean | null;
            /** @description What to do. */
            remedy?: string | null;
            /** @description The setting at fault, as definitions name it. */
            setting?: string | null;
            /**
             * Format: int32
             * @description The status.
             */
            status: number;
            /** @description The status in words. */
            title: string;
            /** @description Always `about:blank`: `code` says more. */
            type: string;
        };
        /** @description How a run stands. */
        Progress: {
            /**
             * Format: int64
             * @description Objects that are to be settled: copies, and deletes once they are on the queue.
             */
            enqueued: number;
            /** @description Why its finder gave up, or what it refused. */
            error?: string | null;
            /** @description What its finder met. */
            found: components["schemas"]["Found"];
            /** @description What its finder reports while it cannot begin. */
            progress?: string | null;
            rate?: components["schemas"]["Rate"] | null;
            /**
             * Format: int64
             * @description Estimate of the time that it still takes.
             */
            seconds_left?: number | null;
            /** @description What became of its objects. */
            settled: components["schemas"]["Settled"];
            /**
             * Format: double
             * @description The share that is done, from 0 to 1; `null` while nobody knows how much there is.
             */
            share?: number | null;
            /** @description How far it is. */
            state: components["schemas"]["RunState"];
        };
        /** @description What is known of an object's bytes on both sides. */
        Proof: {
            /** @description The checksum of the bytes, with its algorithm. */
            checksum?: string | null;
            /** @description The destination's entity tag. */
            etag?: string | null;
            /** @description The entity tag of the version that was read. */
            source_etag?: string | null;
            /** @description The version that was read. */
            source_version?: string | null;
            /** @description What was compared to know that the bytes are the same. */
            verified?: string | null;
        };
        /** @description Messages on the queues of a task. */
        Queues: {
            /**
             * Format: int64
             * @description Dead letters.
             */
            dead: number;
            /**
             * Format: int64
             * @description Ready later.
             */
            delayed: number;
            /**
             * Format: int64
             * @description Received, and not acknowledged yet.
             */
            leased: number;
            /**
             * Format: int64
             * @description Ready to be received.
             */
            ready: number;
        };
        /** @description Objects and bytes a second, over the last minutes. */
        Rate: {
            /**
             * Format: double
             * @description Bytes copied a second.
             */
            bytes: number;
            /**
             * Format: double
             * @description Objects settled a second.
             */
            objects: number;
        };
        /** @description A receiver of notices. */
        Receiver: {
            /** @description How it is reached. */
            channel: components["schemas"]["Channel"];
            /** @description When it last took a notice; `null`: not among those that are looked through. */
            delivered?: string | null;
            /** @description Why it has not taken the newest notice; `null`: it has. */
            error?: string | null;
            /**
             * Format: int64
             * @description Attempts at the newest notice.
             */
            tries: number;
        };
        /** @description A change that was recorded. */
        Recorded: {
            /** @description When its next run is due. */
            next_due?: string | null;
            /** @description What else happened, or is to be done by people; in words. */
            notes: string[];
            /** @description The task's name. */
            task: string;
            /**
             * Format: int32
             * @description The version of its definition.
             */
            version: number;
        };
        /** @description A definition that is recorded. */
        RecordedDefinition: {
            definition?: components["schemas"]["Definition"] | null;
            /** @description As a file has it. */
            toml: string;
            /**
             * Format: int32
             * @description Its version.
             */
            version: number;
        };
        /** @description An operation that was asked for. */
        RequestedOperation: {
            /** @description The operation. */
            operation: string;
            /** @description The task's name; `null` if the request has a definition. */
            task?: string | null;
        };
        /** @description What of a run is to be copied again. */
        RetryRequest: {
            /**
             * @description Keys of failed objects; absent: all of the run.
             * @default null
             */
            keys: string[] | null;
        };
        /**
         * @description What somebody may do. Each role may do all that the one before may.
         * @enum {string}
         */
        Role: "viewer" | "operator" | "admin";
        /** @description A run. */
        Run: components["schemas"]["Progress"] & {
            /** @description When it was asked for. */
            begun?: string | null;
            /** @description Destination location. */
            destination?: string | null;
            /** @description When its end was seen. */
            ended?: string | null;
            /** @description Its id, which sorts by time among the runs of a task. */
            id: string;
            /** @description What began it. */
            kind: components["schemas"]["RunKind"];
            /**
             * Format: int64
             * @description Objects whose messages were lost.
             */
            lost: number;
            overrides?: components["schemas"]["RunOverrides"] | null;
            /** @description The states that it has entered so far, the earliest first. */
            phases: components["schemas"]["Phase"][];
            /** @description Source location. */
            source?: string | null;
            /** @description When its finder began. */
            started?: string | null;
            /** @description The task's name; `null` once the task is deleted. */
            task?: string | null;
            /** @description The task's id. */
            task_id: string;
            transfers?: components["schemas"]["Transfers"] | null;
            /**
             * Format: int32
             * @description The version of the definition that it keeps.
             */
            version?: number | null;
            /** @description Who asked for it. */
            who?: string | null;
        };
        /**
         * @description What a run does.
         * @enum {string}
         */
        RunKind: "find" | "retry" | "events";
        /** @description Options of one run, in place of its definition's. One that is left out stays as the definition has it. */
        RunOverrides: {
            /**
             * @description How objects are compared: `auto`, `size-mtime`, `size`, `etag`, `checksum`, `always`.
             * @default null
             */
            compare: string | null;
            /**
             * @description Whether objects are deleted that the source does not have.
             * @default null
             */
            delete: boolean | null;
            /**
             * @description Rules by key in their order: `+ GLOB` includes, `- GLOB` excludes.
             * @default null
             */
            filters: string[] | null;
            /**
             * Format: int64
             * @description Leave out older objects, seconds.
             * @default null
             */
            max_age: number | null;
            /**
             * Format: int64
             * @description Refuse all deletes if there are more than this.
             * @default null
             */
            max_delete: number | null;
            /**
             * Format: int64
             * @description Leave out larger objects, bytes.
             * @default null
             */
            max_size: number | null;
            /**
             * Format: int64
             * @description Leave out younger objects, seconds.
             * @default null
             */
            min_age: number | null;
            /**
             * Format: int64
             * @description Leave out smaller objects, bytes.
             * @default null
             */
            min_size: number | null;
        };
        /** @description A page of runs, the newest first. */
        RunPage: {
            /** @description The runs. */
            items: components["schemas"]["Run"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /** @description A run to be begun. */
        RunRequest: {
            /**
             * @description Options of this run alone.
             * @default {}
             */
            overrides: components["schemas"]["RunOverrides"];
            /**
             * @description Cancel the live run, if there is one.
             * @default false
             */
            supersede: boolean;
        };
        /**
         * @description How far a run is.
         * @enum {string}
         */
        RunState: "queued" | "listing" | "releasing" | "copying" | "done" | "done-with-failures" | "stopped" | "cancelling" | "cancelled";
        /** @description A task over time. All arrays are of one length; `null`: no sample was taken. */
        Samples: {
            /** @description Bytes copied a second. */
            bytes_per_second: (number | null)[];
            /** @description Dead letters. */
            dead: (number | null)[];
            /** @description Messages ready later. */
            delayed: (number | null)[];
            /**
             * @description The highest age of the events that were settled, seconds: from the change that an event reports to the record of
             *     its outcome. `null`: workers settled none.
             */
            event_age: (number | null)[];
            /** @description Objects that failed since the point before. */
            failed: (number | null)[];
            /** @description Messages received, and not acknowledged yet. */
            leased: (number | null)[];
            /** @description Machines that have the task's jobs. */
            machines: (number | null)[];
            /** @description Machines of the group that are in service. */
            machines_in_service: (number | null)[];
            /** @description Machines that the group wants. */
            machines_wanted: (number | null)[];
            /** @description Objects settled a second. */
            objects_per_second: (number | null)[];
            /** @description Messages ready to be received. */
            ready: (number | null)[];
            /**
             * Format: int32
             * @description Seconds from one point to the next.
             */
            step: number;
            /** @description Seconds since 1970, of each point. */
            time: number[];
        };
        /** @description What the page needs beside its cookie. Browsers send cookies to all ports of a host; this one stays with the page. */
        SessionSecret: {
            /** @description For the header `X-Flotilla-Session`, which each request that is no GET needs. */
            session: string;
        };
        /** @description What became of a run's objects. */
        Settled: {
            /**
             * Format: int64
             * @description Bytes of the copied objects.
             */
            bytes: number;
            /**
             * Format: int64
             * @description Settled without a request, because the run was cancelled.
             */
            cancelled: number;
            /**
             * Format: int64
             * @description Copied.
             */
            copied: number;
            /**
             * Format: int64
             * @description Deleted at the destination.
             */
            deleted: number;
            /**
             * Format: int64
             * @description Given up.
             */
            failed: number;
            /** @description Those of them with a cause, by it. */
            failed_by: {
                [key: string]: number;
            };
            /** @description When the last of them was settled. */
            last?: string | null;
            /**
             * Format: int64
             * @description Needed nothing when their turn came, or could not be read.
             */
            skipped: number;
            /** @description Those of them with a reason, by it. */
            skipped_by: {
                [key: string]: number;
            };
        };
        /** @description Everything about a task. */
        Task: components["schemas"]["TaskItem"] & {
            /** @description Its newest changes; at most 10. */
            changes: components["schemas"]["Change"][];
            event_run?: components["schemas"]["Run"] | null;
            /** @description When its oldest message is lost if none is received before: of a paused task, or of one whose finder waits. */
            messages_die?: string | null;
            /** @description Its newest operations; at most 10. */
            operations: components["schemas"]["Operation"][];
            queues?: components["schemas"]["Queues"] | null;
            /** @description Why its queues cannot be read. */
            queues_error?: string | null;
            /** @description The workers that have its jobs, the busiest first; at most 10. */
            workers: components["schemas"]["Worker"][];
        };
        /** @description Tasks by status. */
        TaskCounts: {
            /**
             * Format: int32
             * @description All of them.
             */
            all: number;
            /**
             * Format: int32
             * @description Of status `deleting`.
             */
            deleting: number;
            /**
             * Format: int32
             * @description Of status `failed`.
             */
            failed: number;
            /**
             * Format: int32
             * @description Of status `paused`.
             */
            paused: number;
            /**
             * Format: int32
             * @description Of status `running`; in a list also those of status `failed` with a live run.
             */
            running: number;
            /**
             * Format: int32
             * @description Of status `waiting`.
             */
            waiting: number;
        };
        /** @description A task that a worker cannot open. */
        TaskError: {
            /** @description The reason. */
            error: string;
            /** @description The task's name; its id once the task is deleted. */
            task: string;
        };
        /** @description What failed in the live or the last run of a task. */
        TaskFailures: {
            /** @description When the run's end was seen. */
            ended?: string | null;
            /** @description Why the run stopped, or why workers cannot open the task. */
            error?: string | null;
            /**
             * Format: int64
             * @description Objects that failed.
             */
            failed: number;
            /** @description Failures of the run by cause, the largest group first. */
            groups: components["schemas"]["FailureGroup"][];
            /**
             * Format: int64
             * @description Objects whose messages were lost.
             */
            lost: number;
            /**
             * Format: int64
             * @description Objects that could not be compared.
             */
            not_judged: number;
            /** @description The run; `null` if workers cannot open the task. */
            run?: string | null;
            state?: components["schemas"]["RunState"] | null;
            /** @description The task's name. */
            task: string;
            /**
             * Format: int64
             * @description Folders and names that could not be listed.
             */
            unlisted: number;
        };
        /** @description The last failures of all tasks. */
        TaskFailuresPage: {
            /** @description Tasks with failures. */
            items: components["schemas"]["TaskFailures"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /** @description A task as a list has it. */
        TaskItem: {
            /** @description Runs that are being cancelled. */
            cancelling: string[];
            /** @description When it was created. */
            created: string;
            /** @description For people. */
            description: string;
            /** @description Destination location. */
            destination: string;
            /** @description Why workers cannot open it. */
            errors: components["schemas"]["WorkerError"][];
            /** @description Whether it follows events of its source. */
            events: boolean;
            /** @description Its id, which no other task ever has. */
            id: string;
            last_run?: components["schemas"]["EndedRun"] | null;
            /** @description Limits over all workers. */
            limits: components["schemas"]["Limits"];
            /** @description Its name, unique in the fleet. */
            name: string;
            /** @description When its next run is due. */
            next_due?: string | null;
            /** @description Whether somebody is notified of the end of each run. */
            notify: boolean;
            run?: components["schemas"]["LiveRun"] | null;
            /** @description When it runs, as its definition spells it; `null`: when asked to. */
            schedule?: string | null;
            /** @description A due time that passed because a run was live. */
            skipped_due?: string | null;
            /** @description Source location. */
            source: string;
            /** @description Whether it is served. */
            state: components["schemas"]["TaskState"];
            /** @description What people want to know first. */
            status: components["schemas"]["TaskStatus"];
            /**
             * Format: int32
             * @description The version of its definition.
             */
            version: number;
        };
        /** @description A page of tasks, by name. */
        TaskPage: {
            /** @description Tasks that the search finds, by status; also those that `status` leaves out. */
            counts: components["schemas"]["TaskCounts"];
            /** @description The tasks. */
            items: components["schemas"]["TaskItem"][];
            /** @description The cursor of the next page; `null`: there is none. */
            next?: string | null;
        };
        /**
         * @description Whether a task is served.
         * @enum {string}
         */
        TaskState: "active" | "paused" | "deleting";
        /**
         * @description What people want to know of a task first.
         * @enum {string}
         */
        TaskStatus: "failed" | "running" | "waiting" | "paused" | "deleting";
        /** @description Large objects that workers transfer now; their bytes are in no counter yet. */
        Transfers: {
            /**
             * Format: int64
             * @description Bytes of them that were transferred so far.
             */
            bytes: number;
            /**
             * Format: int64
             * @description Bytes a second that they get.
             */
            bytes_per_second: number;
            /**
             * Format: int64
             * @description Large objects.
             */
            objects: number;
            /**
             * Format: int64
             * @description Workers that report.
             */
            workers: number;
        };
        /**
         * @description How much a verification reads.
         * @enum {string}
         */
        VerifyEffort: "quick" | "needed" | "deep";
        /** @description Compares both sides. */
        VerifyRequest: {
            /**
             * @description How much is read.
             * @default needed
             */
            effort: components["schemas"]["VerifyEffort"];
        };
        /** @description A worker. */
        Worker: {
            /** @description Tasks that it cannot open; at most 100. */
            errors: components["schemas"]["TaskError"][];
            /**
             * Format: int32
             * @description Jobs that it works on.
             */
            jobs: number;
            /** @description Its machine's name in the group. */
            machine?: string | null;
            /** @description Its last heartbeat, by its own clock. */
            seen: string;
            /** @description What it does. */
            state: components["schemas"]["WorkerState"];
            /** @description Jobs by task; at most 100. */
            tasks: components["schemas"]["WorkerTask"][];
            /** @description Its program's version. */
            version: string;
            /** @description Its name. */
            worker: string;
        };
        /** @description What a worker reports of a task that it cannot open. */
        WorkerError: {
            /** @description The reason. */
            error: string;
            /** @description The worker. */
            worker: string;
        };
        /**
         * @description What a worker does.
         * @enum {string}
         */
        WorkerState: "working" | "draining" | "outdated" | "silent";
        /** @description A worker's jobs of a task. */
        WorkerTask: {
            /**
             * Format: int32
             * @description Jobs.
             */
            jobs: number;
            /** @description The task's name; its id once the task is deleted. */
            task: string;
        };
        /** @description The workers of a fleet, and its group of machines. */
        Workers: {
            group?: components["schemas"]["Group"] | null;
            /** @description Why the group cannot be read. */
            group_error?: string | null;
            /** @description The workers, by name. */
            items: components["schemas"]["Worker"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_changes: {
        parameters: {
            query?: {
                /** @description The task's name, or its id: that of a deleted task has its changes for 400 days. Absent: all tasks. */
                task?: string;
                /** @description A part of the name of who made them, in any case. Absent: everybody. */
                who?: string;
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangePage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_credentials: {
        parameters: {
            query?: {
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialsPage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    check_definition: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Definition"];
                "application/toml": string;
            };
        };
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckedDefinition"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_failures: {
        parameters: {
            query?: {
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskFailuresPage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_features: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Features"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description The answer sets the session's cookie too */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionSecret"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    finish_login: {
        parameters: {
            query?: {
                /** @description Becomes a token. */
                code?: string;
                /** @description Names the sign-in. */
                state?: string;
                /** @description Why the provider refuses. */
                error?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Go to the page */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    start_login: {
        parameters: {
            query?: {
                /** @description The path of the page that is shown then. */
                next?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Go to the provider */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_operation: {
        parameters: {
            query?: {
                /** @description The task's name; absent: the operation has a definition of its own. */
                task?: string;
            };
            header?: never;
            path: {
                /** @description The id of the operation */
                operation: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Operation"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    plan: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlanRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedOperation"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    probe: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProbeRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedOperation"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancel_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelledRun"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_run_definition: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecordedDefinition"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_run_failures: {
        parameters: {
            query?: {
                /** @description `cause`: the groups in place of the objects. */
                group?: components["schemas"]["FailureGrouping"];
                /** @description Only objects that failed by this cause. A page may be shorter, or empty, while there is a `next`. */
                cause?: string;
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FailurePage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_run_report: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/jsonl": string;
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retry_run: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description The id of the run */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RetryRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BegunRun"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stream: {
        parameters: {
            query?: {
                /** @description Names of tasks, with commas between them. */
                tasks?: string;
                /** @description Ids of runs, with commas between them. */
                runs?: string;
                /** @description Operations as `TASK/ID`, or `ID` of one with a definition of its own, with commas between them. */
                operations?: string;
                /** @description Whether the counts of tasks by status are streamed. */
                counts?: boolean;
            };
            header?: {
                /** @description The last event that was received */
                "Last-Event-ID"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events `task` (a TaskItem), `run` (a Run), `operation` (an Operation), `counts` (TaskCounts) and `gone` (the name or id of something that is not there) */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_tasks: {
        parameters: {
            query?: {
                /** @description Only tasks with this status; `running`: all with a live run, also those of status `failed`. */
                status?: components["schemas"]["TaskStatus"];
                /** @description Only tasks whose name, description or locations contain this, in any case. */
                search?: string;
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskPage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_task: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Definition"];
                "application/toml": string;
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    /** @description The version */
                    ETag?: string;
                    /** @description The task */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_task: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    /** @description The version of the definition */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    edit_task: {
        parameters: {
            query?: never;
            header: {
                /** @description The ETag of the definition that is replaced */
                "If-Match": string;
            };
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Definition"];
                "application/toml": string;
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_task: {
        parameters: {
            query?: {
                /** @description Whether its records in the ledger are removed too. */
                records?: boolean;
            };
            header?: {
                /** @description The ETag of the task that is deleted */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetters"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    purge_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovedLetters"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    redrive_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovedLetters"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_definition: {
        parameters: {
            query?: {
                /** @description Its version; absent: the present one. */
                version?: number;
            };
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    /** @description The version */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecordedDefinition"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_events: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EventsRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    limit_task: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["LimitsPatch"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limits"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_notices: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Notices"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    notify_test: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedOperation"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_object: {
        parameters: {
            query: {
                /** @description Its key, relative to the task's locations. */
                key: string;
            };
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcome"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pause_task: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resume_task: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recorded"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_runs: {
        parameters: {
            query?: {
                /** @description The `next` of the page before; absent: the first page. */
                cursor?: string;
                /** @description Most items. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    begin_run: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RunRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BegunRun"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_samples: {
        parameters: {
            query?: {
                /** @description From this time on; absent: an hour before `to`. */
                from?: string;
                /** @description Until this time; absent: now. */
                to?: string;
                /** @description Seconds from one point to the next, in whole minutes; absent: so that there are at most 400 points. */
                step?: number;
            };
            header?: never;
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Samples"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verify_task: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request that is repeated with its key has one effect */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description The name of the task */
                task: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["VerifyRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedOperation"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_workers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workers"];
                };
            };
            /** @description The request is refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request could not be carried out */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
