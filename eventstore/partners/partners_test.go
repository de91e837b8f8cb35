package partners_test

import (
	"strings"
	"testing"

	"clients/eventstore/partners"

	"github.com/stretchr/testify/require"
)

func TestAPartnerImportsWhatItsLoginIsFor(t *testing.T) {
	subscriber := partners.Partner{Name: "subscriber", Consumers: []string{partners.AnyName}}
	projects := partners.Partner{Name: "projects", Consumers: []string{"projects"}, Sources: []partners.Source{partners.Projects}}
	require.Contains(t, imports(subscriber), "$JS.API.CONSUMER.MSG.NEXT.CLIENTS.*")
	require.NotContains(t, imports(subscriber), "projects.>")
	require.Contains(t, imports(projects), "$JS.API.CONSUMER.MSG.NEXT.CLIENTS.projects")
	require.Contains(t, imports(projects), "projects.>")
	require.NotContains(t, imports(projects), "invoices.>")
	for _, p := range []partners.Partner{subscriber, projects} {
		require.Contains(t, imports(p), "$JS.API.INFO", "without it the server's own JetStream API shadows the other imports")
		for _, s := range partners.Services(p) {
			if strings.Contains(s.Import, "CREATE") || strings.Contains(s.Import, "DELETE") || strings.Contains(s.Import, "STREAM.INFO") {
				require.True(t, strings.HasPrefix(s.Export, "clients-partners."+p.Name+"."), s.Export)
			}
		}
	}
}

func imports(p partners.Partner) (subjects []string) {
	for _, s := range partners.Services(p) {
		subjects = append(subjects, s.Import)
	}
	return subjects
}
