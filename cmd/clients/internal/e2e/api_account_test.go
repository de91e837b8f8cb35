package e2e_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// whoAmI is what libraries read when they log in: harvested (Ruby), Harvest.Net and node-harvest.
type whoAmI struct {
	XMLName xml.Name `json:"-" xml:"hash"`
	Company struct {
		BaseURI       string `json:"base_uri" xml:"base-uri"`
		FullDomain    string `json:"full_domain" xml:"full-domain"`
		Name          string `json:"name" xml:"name"`
		Active        bool   `json:"active" xml:"active"`
		WeekStartDay  string `json:"week_start_day" xml:"week-start-day"`
		DecimalSymbol string `json:"decimal_symbol" xml:"decimal-symbol"`
		Modules       struct {
			Invoices bool `json:"invoices" xml:"invoices"`
		} `json:"modules" xml:"modules"`
	} `json:"company" xml:"company"`
	User struct {
		ID        int64  `json:"id" xml:"id"`
		Email     string `json:"email" xml:"email"`
		Admin     bool   `json:"admin" xml:"admin"`
		FirstName string `json:"first_name" xml:"first-name"`
		Timezone  string `json:"timezone" xml:"timezone"`
		Offset    int64  `json:"timezone_utc_offset" xml:"timezone-utc-offset"`
	} `json:"user" xml:"user"`
}

// rateLimitStatus is what libraries read when they are throttled.
type rateLimitStatus struct {
	XMLName    xml.Name `json:"-" xml:"hash"`
	LastAccess string   `json:"last_access_at" xml:"last-access-at"`
	Count      int      `json:"count" xml:"count"`
	Timeframe  int      `json:"timeframe_limit" xml:"timeframe-limit"`
	MaxCalls   int      `json:"max_calls" xml:"max-calls"`
	Lockout    int      `json:"lockout_seconds" xml:"lockout-seconds"`
}

// read decodes a response by its Content-Type.
func (r response) read(t *testing.T, to any) {
	t.Helper()
	if r.header.Get("Content-Type") == jsonType {
		require.NoError(t, json.Unmarshal([]byte(r.body), to), r.body)
		return
	}
	require.NoError(t, xml.Unmarshal([]byte(r.body), to), r.body)
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	guarded := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann@example.com:right", "O'Neil & <Sons>:right"))
	for _, path := range []string{"/account/who_am_i", "//account//who_am_i/", "/account/who_am_i.json", "/account/who_am_i.xml?"} {
		for _, user := range []string{"ann@example.com", "O'Neil & <Sons>"} {
			var got whoAmI
			guarded.as(user+":right").want(200, "GET", path, "").read(t, &got)
			require.Equal(t, "shop", got.Company.Name)
			require.Equal(t, guarded.base, got.Company.BaseURI)
			require.Equal(t, strings.TrimPrefix(guarded.base, "http://"), got.Company.FullDomain)
			require.True(t, got.Company.Active)
			require.Equal(t, []string{"Monday", "."}, []string{got.Company.WeekStartDay, got.Company.DecimalSymbol})
			require.Equal(t, []string{user, user, "UTC"}, []string{got.User.Email, got.User.FirstName, got.User.Timezone})
			require.True(t, got.User.Admin)
			require.Positive(t, got.User.ID)
		}
	}
	guarded.want(401, "GET", "/account/who_am_i", "")
	guarded.as("ann@example.com:wrong").want(401, "GET", "/account/who_am_i", "")
	r := guarded.as("ann@example.com:right").want(200, "GET", "/account/who_am_i", "", acceptJSON)
	require.Contains(t, r.body, `"user":{"timezone":"UTC"`)
	r = guarded.as("ann@example.com:right").want(200, "GET", "/account/who_am_i", "")
	require.Contains(t, r.body, "\n    <active type=\"boolean\">true</active>\n")
	require.Contains(t, r.body, "\n    <timezone-utc-offset type=\"integer\">0</timezone-utc-offset>\n")

	var got whoAmI
	start(t).want(200, "GET", "/account/who_am_i", "").read(t, &got)
	require.Equal(t, []string{"default", "anonymous"}, []string{got.Company.Name, got.User.Email})
}

func TestRateLimitStatus(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_RATE_LIMIT=3")
	status := func(format string) (got rateLimitStatus) {
		s.want(200, "GET", "/account/rate_limit_status", "", format).read(t, &got)
		require.Equal(t, []int{15, 3}, []int{got.Timeframe, got.MaxCalls})
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, got.LastAccess)
		return got
	}
	formats := []string{acceptXML, acceptJSON}
	for i := range 3 {
		for _, format := range formats {
			require.Equal(t, i, status(format).Count, "it does not count itself")
		}
		s.want(200, "GET", "/clients", "")
	}
	r := s.as("bob:two").want(503, "GET", "/clients", "") // without logins all callers are one user
	require.NotEmpty(t, r.header.Get("Retry-After"))
	for _, format := range formats {
		throttled := status(format)
		require.Greater(t, throttled.Count, throttled.MaxCalls, "libraries take that for throttled")
		require.LessOrEqual(t, throttled.Lockout, 16)
		require.Positive(t, throttled.Lockout)
	}
	var got rateLimitStatus
	shared(t).want(200, "GET", "/account/rate_limit_status", "").read(t, &got)
	require.Equal(t, []int{0, 15, 0}, []int{got.Count, got.Timeframe, got.Lockout})
	require.Greater(t, got.MaxCalls, 1_000_000)
}
