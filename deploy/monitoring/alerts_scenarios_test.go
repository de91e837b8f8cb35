package monitoring_test

import "strings"

// scenario is a list of samples that are scraped every 30 s, and whether the alert has to fire. The short names of metrics
// are expanded by inFull.
type scenario struct {
	name    string
	fires   bool
	scraped string
}

// The first sample is at second 0, so n minutes take 2n more.
var scenarios = map[string][]scenario{
	"ClientsNotServing": {
		{"no replica is ready", true, `ready{pod="a"} 1x4 0x10
ready{pod="b"} 1x2 0x12`},
		{"all replicas are gone", true, `ready{pod="a"} 1x4 stale _x12
ready{pod="b"} 1x6 stale _x10`},
		{"replicas cannot be scraped", true, `ready{pod="a"} 1x4 stale _x12
up{pod="a",job="clients-operations"} 1x4 0x12`},
		{"all replicas are gone, but not those of another namespace", true, `ready{pod="a"} 1x4 stale _x12
clients_ready{namespace="other",pod="a"} 1x18`},
		{"there never was a replica", true, `something_else 1x10`},
		{"one replica is ready", false, `ready{pod="a"} 1x20
ready{pod="b"} 1x4 stale _x14
ready{pod="c"} 0x20`},
		{"a rolling update", false, `ready{pod="a"} 1x4 0 stale _x13
ready{pod="b"} 1x7 0 stale _x10
ready{pod="c"} 0x2 1x16
ready{pod="d"} _x5 0x2 1x10`},
		{"one scrape fails", false, `ready{pod="a"} 1x4 stale 1x14`},
		{"another namespace never had a replica", false, `ready{pod="a"} 1x20
up{namespace="other",job="node"} 1x20`},
	},
	"ClientsErrors": {
		{"one request in ten fails", true, `outcomes{pod="a",outcome="failed"} 0+3x60
outcomes{pod="a",outcome="done"} 0+27x60`},
		{"everything fails, at two requests a minute", true, `outcomes{pod="a",outcome="failed"} 0+1x60
outcomes{pod="a",outcome="done"} 0x60`},
		{"from the first failure on", true, `outcomes{pod="a",outcome="failed"} 0x5 10+10x60
outcomes{pod="a",outcome="done"} 0+10x66`},
		{"two failures at night", false, `outcomes{pod="a",outcome="failed"} 0x10 1x7 2x60
outcomes{pod="a",outcome="done"} 0+1x80`},
		{"one request in a hundred fails", false, `outcomes{pod="a",outcome="failed"} 0+1x80
outcomes{pod="a",outcome="done"} 0+99x80`},
		{"wrong passwords and rate-limited requests", false, `outcomes{pod="a",outcome="failed"} 0x80
outcomes{pod="a",outcome="held_off"} 0+5000x80
outcomes{pod="a",outcome="refused"} 0+5000x80
outcomes{pod="a",outcome="done"} 0+1x80`},
		{"NATS is away for 30 s", false, `outcomes{pod="a",outcome="failed"} 0x10 3000x60
outcomes{pod="a",outcome="done"} 0+3000x10 30000 33000+3000x60`},
		{"NATS is away: that has an alert of its own", false, `outcomes{pod="a",outcome="failed"} 0+30x60
outcomes{pod="a",outcome="done"} 0+30x60
streamup{pod="a",stream="CLIENTS"} 0x60`},
		{"the disk is full: that has an alert of its own", false, `outcomes{pod="a",outcome="failed"} 0+30x60
outcomes{pod="a",outcome="done"} 0+30x60
clients_read_only{namespace="n",pod="a"} 1x60`},
		{"there are no requests", false, `outcomes{pod="a",outcome="failed"} 0x40
outcomes{pod="a",outcome="done"} 0x40`},
		{"replicas that had failures are gone", false, `outcomes{pod="a",outcome="failed"} 500x5 stale _x40
outcomes{pod="a",outcome="done"} 1000x5 stale _x40
outcomes{pod="b",outcome="failed"} 0x45
outcomes{pod="b",outcome="done"} 0+10x45`},
	},
	"ClientsErrors, during a flood of wrong passwords": {
		{"one in ten of the other requests fails", true, `outcomes{pod="a",outcome="failed"} 0+3x60
outcomes{pod="a",outcome="refused"} 0+5000x60
outcomes{pod="a",outcome="done"} 0+27x60`},
	},
	"ClientsStoppedFollowing": {
		{"one replica has stopped", true, `clients_following{namespace="n",pod="a"} 1x4 0x4`},
		{"the replica is removed", false, `clients_following{namespace="n",pod="a"} 1x4 stale _x10`},
	},
	"ClientsStreamDamaged": {
		{"an event is missing", true, `clients_scrub_faults{namespace="n",pod="a",kind="missing"} 0x4 1x4`},
		{"there are no faults", false, `clients_scrub_faults{namespace="n",pod="a",kind="missing"} 0x10
clients_scrub_faults{namespace="n",pod="a",kind="copy"} 0x10`},
	},
	"ClientsScrubOverdue": {
		{"the last scrub was hours ago", true, `clients_scrub_finished_timestamp_seconds{namespace="n",pod="a"} -7200x40
clients_scrub_finished_timestamp_seconds{namespace="n",pod="b"} -7300x40
clients_scrub_interval_seconds{namespace="n",pod="a"} 1800x40`},
		{"one replica has an old result", false, `clients_scrub_finished_timestamp_seconds{namespace="n",pod="a"} -100x40
clients_scrub_finished_timestamp_seconds{namespace="n",pod="b"} -7300x40
clients_scrub_interval_seconds{namespace="n",pod="a"} 1800x40`},
		{"scrubs are disabled", false, `clients_scrub_finished_timestamp_seconds{namespace="n",pod="a"} -999999x40
clients_scrub_interval_seconds{namespace="n",pod="a"} 0x40`},
	},
	"ClientsReadOnly": {
		{"the disk is full", true, `clients_read_only{namespace="n",pod="a"} 0x4 1x10`},
		{"the disk is full for a moment", false, `clients_read_only{namespace="n",pod="a"} 0x4 1 0x10`},
	},
	"ClientsStreamDown": {
		{"CLIENTS", true, `streamup{pod="a",stream="CLIENTS"} 1x4 0x10
streamup{pod="b",stream="CLIENTS"} 1x4 0x10`},
		{"KV_CLIENTS_KEYS", true, `streamup{pod="a",stream="KV_CLIENTS_KEYS"} 1x4 0x10`},
		{"PROJECTS", true, `streamup{pod="a",stream="PROJECTS"} 1x4 0x10
missing{pod="a",stream="PROJECTS"} 0x15`},
		{"PROJECTS was never created: that has an alert of its own", false, `streamup{pod="a",stream="PROJECTS"} 0x15
missing{pod="a",stream="PROJECTS"} 1x15`},
		{"one replica is cut off", false, `streamup{pod="a",stream="CLIENTS"} 0x15
streamup{pod="b",stream="CLIENTS"} 1x15`},
		{"NATS is away for 30 s", false, `streamup{pod="a",stream="CLIENTS"} 1x4 0 0 1x10
streamup{pod="b",stream="CLIENTS"} 1x4 0 0 1x10`},
		{"it flaps", false, `streamup{pod="a",stream="CLIENTS"} 1 0 0 1 0 0 0 1 0 1 0 0 1 1`},
		{"replicas are gone", false, `streamup{pod="a",stream="CLIENTS"} 1x4 stale _x12`},
	},
	"ClientsCutOff": {
		{"one replica does not reach CLIENTS", true, `streamup{pod="a",stream="CLIENTS"} 1x4 0x10
streamup{pod="b",stream="CLIENTS"} 1x15`},
		{"no replica reaches CLIENTS", false, `streamup{pod="a",stream="CLIENTS"} 0x15
streamup{pod="b",stream="CLIENTS"} 0x15`},
		{"one replica is cut off for a moment", false, `streamup{pod="a",stream="CLIENTS"} 1x4 0x1 1x10
streamup{pod="b",stream="CLIENTS"} 1x16`},
	},
	"ClientsLagging": {
		{"the replica does not catch up", true, `last{pod="a"} 7x4 8x10
projected{pod="a"} 7x15
streamup{pod="a",stream="CLIENTS"} 1x15`},
		{"the replica reads more slowly than events are stored", true, `last{pod="a"} 0+100x15
projected{pod="a"} 0+50x15
streamup{pod="a",stream="CLIENTS"} 1x15`},
		{"NATS is away", false, `last{pod="a"} 7x4 8x10
projected{pod="a"} 7x15
streamup{pod="a",stream="CLIENTS"} 1x4 0x11
last{pod="b"} 7x4 8x10
projected{pod="b"} 7x15
streamup{pod="b",stream="CLIENTS"} 1x4 0x11`},
		{"NATS is back, and the replica catches up", false, `last{pod="a"} 7x4 8x4 900x6
projected{pod="a"} 7x9 900x6
streamup{pod="a",stream="CLIENTS"} 1x4 0x4 1x6`},
		{"the replica has stopped: that has an alert of its own", false, `last{pod="a"} 7x4 8x10
projected{pod="a"} 7x15
streamup{pod="a",stream="CLIENTS"} 1x15
clients_following{namespace="n",pod="a"} 0x15`},
		{"a burst of writes", false, `last{pod="a"} 7 100 200 900 1000x11
projected{pod="a"} 7 90 100 300 950 1000x10
streamup{pod="a",stream="CLIENTS"} 1x20`},
	},
	"ClientsReplicaDown": {
		{"the replica is not ready", true, `ready{pod="a"} 0x40
ready{pod="b"} 1x40`},
		{"the replica cannot be scraped", true, `up{pod="a",job="clients-operations"} 0x40`},
		{"a slow start", false, `ready{pod="a"} 0x20 1x20`},
		{"a rolling update", false, `ready{pod="a"} 1x4 0 stale _x40
up{pod="a",job="clients-operations"} 1x5 stale _x40`},
		{"something else is down", false, `up{pod="a",job="node"} 0x40`},
		{"a replica waits for a node", true, `ready{pod="a"} 1x40
kube_deployment_status_replicas_unavailable{namespace="n",deployment="clients"} 1x40`},
		{"all replicas of a Deployment are available", false, `kube_deployment_status_replicas_unavailable{namespace="n",deployment="clients"} 0x40`},
		{"another Deployment waits", false, `kube_deployment_status_replicas_unavailable{namespace="n",deployment="other"} 1x40`},
	},
	"ClientsSourceMissing": {
		{"INVOICES is missing", true, `missing{pod="a",stream="INVOICES"} 1x15`},
		{"INVOICES is created again at once", false, `missing{pod="a",stream="INVOICES"} 0x4 1x4 0x20`},
	},
	"ClientsReferencesStuck": {
		{"nine thousand messages are not read", true, `reflast{pod="a"} 9000x20
refread{pod="a"} 0x20
reflast{pod="b"} 9000x20
refread{pod="b"} 0x20
reflast{pod="c"} 9000x20
refread{pod="c"} 0x20
streamup{pod="a",stream="INVOICES"} 1x20
streamup{pod="a",stream="CLIENTS"} 1x20`},
		{"the same while one replica restarts repeatedly", true, `reflast{pod="a"} 9x20
refread{pod="a"} 0x20
reflast{pod="b"} 9x20
refread{pod="b"} 0x20
reflast{pod="c"} 9 stale 9 stale 9 stale 9 stale 9 stale 9 stale 9 stale 9x6
refread{pod="c"} 0 stale 0 stale 0 stale 0 stale 0 stale 0 stale 0 stale 0x6`},
		{"one replica does not follow", false, `reflast{pod="a"} 9x20
refread{pod="a"} 0x20
reflast{pod="b"} 9x20
refread{pod="b"} 9x20
reflast{pod="c"} 9x20
refread{pod="c"} 9x20`},
		{"INVOICES has no leader: that has an alert of its own", false, `reflast{pod="a"} 9x20
refread{pod="a"} 0x20
streamup{pod="a",stream="INVOICES"} 0x20`},
		{"CLIENTS has no leader", false, `reflast{pod="a"} 9x20
refread{pod="a"} 0x20
streamup{pod="a",stream="CLIENTS"} 0x20`},
		{"NATS is away for 30 s", false, `reflast{pod="a"} 0x4 0 5 9x15
refread{pod="a"} 0x6 9x15`},
		{"a burst of events", false, `reflast{pod="a"} 0 10 50 70 90 95 95 170 170x10
refread{pod="a"} 0 0 0 40 70 90 95 95 170x10`},
	},
	"ClientsDeletionsFail": {
		{"all deletions fail", true, `fence{pod="a",outcome="failed"} 0+2x40
fence{pod="a",outcome="passed"} 100x40`},
		{"one deletion in two minutes, and it fails", true, `fence{pod="a",outcome="failed"} 0 0 1 1 1 1 2 2 2 2 3 3 3 3 4 4 4 4 5 5 5 5 6 6 6 6 7 7 7 7 8 8 8 8
fence{pod="a",outcome="passed"} 100x33`},
		{"one deletion fails", false, `fence{pod="a",outcome="failed"} 0x4 1x40
fence{pod="a",outcome="passed"} 100x44`},
		{"NATS is away for 30 s", false, `fence{pod="a",outcome="failed"} 0x4 20x40
fence{pod="a",outcome="passed"} 100x44`},
		{"a stream is missing: that has an alert of its own", false, `fence{pod="a",outcome="failed"} 0+2x40
fence{pod="a",outcome="passed"} 100x40
missing{pod="a",stream="INVOICES"} 1x40`},
		{"one deletion in ten fails", false, `fence{pod="a",outcome="failed"} 0+1x40
fence{pod="a",outcome="passed"} 0+9x40`},
	},
	"ClientsReferencesExpired": {
		{"an event expired", true, `expired{pod="a",stream="PROJECTS"} 0x4 1x4`},
		{"a replica starts", false, `expired{pod="a",stream="PROJECTS"} 3x4 stale _x4
expired{pod="b",stream="PROJECTS"} 0x10`},
	},
	"ClientsQuarantineGrowing": {
		{"a message is added", true, `messages{pod="a",stream="CLIENTS_QUARANTINE"} 0x4 1x4`},
		{"the messages stay", false, `messages{pod="a",stream="CLIENTS_QUARANTINE"} 7x40`},
		{"messages are dropped", false, `messages{pod="a",stream="CLIENTS_QUARANTINE"} 7x4 6 5 4 0x20`},
		{"a replica starts", false, `messages{pod="a",stream="CLIENTS_QUARANTINE"} 7x10
messages{pod="b",stream="CLIENTS_QUARANTINE"} _x5 7x20`},
	},
	"ClientsStorageFilling": {
		{"nine tenths are used", true, `used{pod="a"} 90x40
room{pod="a"} 100x40`},
		{"half is used", false, `used{pod="a"} 50x40
room{pod="a"} 100x40`},
		{"there is no limit", false, `used{pod="a"} 50x40
room{pod="a"} Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf Inf`},
		{"space is freed at once", false, `used{pod="a"} 90x10 40x30
room{pod="a"} 100x40`},
	},
	"ClientsSnapshotOld": {
		{"no snapshot can be saved", true, `projected{pod="a"} 100x40
snapshot{pod="a"} 90x40
age{pod="a"} 3700+30x40`},
		{"there are no new events", false, `projected{pod="a"} 100x40
snapshot{pod="a"} 100x40
age{pod="a"} 3700+30x40`},
		{"the first write in hours", false, `projected{pod="a"} 100x4 101x40
snapshot{pod="a"} 100x5 101x40
age{pod="a"} 3700+30x5 0+30x40`},
		{"a new replica has not saved a snapshot", false, `projected{pod="a"} 100x40
snapshot{pod="a"} 100x40
age{pod="a"} 10x40
projected{pod="b"} 100x40
snapshot{pod="b"} 0x40
age{pod="b"} 4000x40`},
	},
	"ClientsCertificateExpiring": { // the first sample is at second 0
		{"it expires in ten days", true, `clients_certificate_expiry_timestamp_seconds{namespace="n",pod="a",certificate="nats"} 864000x130`},
		{"it expires in a month", false, `clients_certificate_expiry_timestamp_seconds{namespace="n",pod="a",certificate="nats"} 2592000x130`},
		{"there is no certificate", false, `clients_certificate_expiry_timestamp_seconds{namespace="n",pod="a",certificate="nats"} 1e300x130`},
	},
	"ClientsErasureUnfinished": {
		{"one was interrupted", true, `clients_erasures_unfinished{namespace="n",pod="a"} 1x130`},
		{"one takes some minutes", false, `clients_erasures_unfinished{namespace="n",pod="a"} 1x20 0x110`},
	},
	"ClientsPermissionDenied": {
		{"a permission of one replica's user is missing", true, `clients_permission_denied{namespace="n",pod="a"} 0x4 1x4
clients_permission_denied{namespace="n",pod="b"} 0x8`},
		{"nothing is denied", false, `clients_permission_denied{namespace="n",pod="a"} 0x10`},
	},
	"ClientsBackupOld": { // time begins at 0, and each sample is as old as it is late
		{"the last one was 27 hours ago", true, `kube_cronjob_status_last_successful_time{namespace="n",cronjob="backup"} -97200x40`},
		{"there never was one", true, `kube_cronjob_created{namespace="n",cronjob="backup"} -97200x40`},
		{"one last night, of an old CronJob", false, `kube_cronjob_status_last_successful_time{namespace="n",cronjob="backup"} -7200x40
kube_cronjob_created{namespace="n",cronjob="backup"} -972000x40`},
		{"a new CronJob", false, `kube_cronjob_created{namespace="n",cronjob="backup"} -7200x40`},
		{"another CronJob", false, `kube_cronjob_status_last_successful_time{namespace="n",cronjob="other"} -97200x40`},
	},
	"ClientsFilesStale": {
		{"the credentials are invalid", true, `clients_files_stale{namespace="n",pod="a",files="credentials"} 1x15`},
		{"the credentials are invalid while they are written", false, `clients_files_stale{namespace="n",pod="a",files="credentials"} 0x4 1x3 0x15`},
	},
}

// inFull expands the short names of metrics in the scenarios, with the namespace n.
var inFull = strings.NewReplacer(
	`ready{pod`, `clients_ready{namespace="n",pod`,
	`up{pod`, `up{namespace="n",pod`,
	`streamup{pod`, `clients_stream_up{namespace="n",pod`,
	`outcomes{pod`, `clients_http_outcomes_total{namespace="n",pod`,
	`missing{pod`, `clients_source_missing{namespace="n",pod`,
	`reflast{pod`, `clients_stream_last_sequence{namespace="n",stream="INVOICES",pod`,
	`refread{pod`, `clients_references_sequence{namespace="n",stream="INVOICES",pod`,
	`last{pod`, `clients_stream_last_sequence{namespace="n",stream="CLIENTS",pod`,
	`fence{pod`, `clients_fence_duration_seconds_count{namespace="n",pod`,
	`expired{pod`, `clients_source_expired_total{namespace="n",pod`,
	`messages{pod`, `clients_stream_messages{namespace="n",pod`,
	`used{pod`, `clients_storage_used_bytes{namespace="n",pod`,
	`room{pod`, `clients_storage_limit_bytes{namespace="n",pod`,
	`projected{pod`, `clients_projection_sequence{namespace="n",pod`,
	`snapshot{pod`, `clients_snapshot_sequence{namespace="n",pod`,
	`age{pod`, `clients_snapshot_age_seconds{namespace="n",pod`,
)
