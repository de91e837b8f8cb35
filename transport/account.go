package transport

import (
	"hash/fnv"
	"math"
	"net/http"
	"time"

	"clients/transport/auth"
	"clients/transport/wire"
)

// showAccount is GET /account/who_am_i, which client libraries call to find out whether a login is right. The account
// stands for the company. Settings of the original service that this one does not have are its defaults.
func (a *API) showAccount(w *response, r *request) error {
	w.sendHash([]wire.Field{
		{Name: "company", Value: []wire.Field{
			{Name: "base_uri", Value: r.scheme() + "://" + r.Host},
			{Name: "full_domain", Value: r.Host},
			{Name: "name", Value: r.account},
			{Name: "active", Value: true},
			{Name: "week_start_day", Value: "Monday"},
			{Name: "time_format", Value: "decimal"},
			{Name: "clock", Value: "24h"},
			{Name: "decimal_symbol", Value: "."},
			{Name: "color_scheme", Value: "orange"},
			{Name: "modules", Value: []wire.Field{
				{Name: "expenses", Value: false}, {Name: "invoices", Value: false},
				{Name: "estimates", Value: false}, {Name: "approval", Value: false},
			}},
			{Name: "thousands_separator", Value: ","},
		}},
		{Name: "user", Value: []wire.Field{
			{Name: "timezone", Value: "UTC"},
			{Name: "timezone_identifier", Value: "Etc/UTC"},
			{Name: "timezone_utc_offset", Value: int64(0)},
			{Name: "id", Value: userID(r.account, r.actor)},
			{Name: "email", Value: r.actor},
			{Name: "admin", Value: true}, // every user may do everything with the account's clients
			{Name: "first_name", Value: r.actor},
			{Name: "last_name", Value: ""},
			{Name: "avatar_url", Value: ""},
			{Name: "project_manager", Value: []wire.Field{
				{Name: "is_project_manager", Value: false}, {Name: "can_see_rates", Value: false},
				{Name: "can_create_projects", Value: false}, {Name: "can_create_invoices", Value: false},
			}},
			{Name: "timestamp_timers", Value: false},
		}},
	})
	return nil
}

// userID returns a number that is always the same for a user: libraries expect one.
func userID(account, user string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(account + "/" + user))
	return int64(h.Sum32()&math.MaxInt32) | 1
}

// showRateLimit is GET /account/rate_limit_status, which client libraries call when they are throttled. It is not itself
// limited. Libraries take a count above the limit for "throttled".
func (a *API) showRateLimit(w *response, r *request) error {
	count, wait := a.rateLimit.Status(r.caller())
	limit, lockout := a.rateLimit.Limit, auth.Window
	if wait > 0 {
		count, lockout = limit+1, wait
	}
	if limit == 0 {
		limit, lockout = math.MaxInt32, 0
	}
	w.sendHash([]wire.Field{
		{Name: "last_access_at", Value: time.Now()},
		{Name: "count", Value: int64(count)},
		{Name: "timeframe_limit", Value: int64(auth.Window / time.Second)},
		{Name: "max_calls", Value: int64(limit)},
		{Name: "lockout_seconds", Value: int64(math.Ceil(lockout.Seconds()))},
	})
	return nil
}

// sendHash sends a document that is not to be kept.
func (w *response) sendHash(fields []wire.Field) {
	w.Header().Set("Cache-Control", "private, no-store")
	w.vary()
	w.send(http.StatusOK, w.format.encoding().AppendHash(nil, "hash", fields))
}
