package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client with active projects stays active, one with projects or invoices stays: the refusal says what stands in the
// way and how many.
func TestProjectsAndInvoicesStandInTheWay(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id := a.named("SuprCorp")
	client := fmt.Sprintf(`"client_id":%d`, id)
	refused := func(method, path, body, hint string) {
		t.Helper()
		got := a.want(400, method, path, body, asXML)
		require.Equal(t, hint, got.header.Get("Hint"))
		require.Equal(t, hint, got.message(t))
	}
	deactivation := `<client><name>New</name><active>false</active></client>`

	other.say(project("Created", 7, client))
	refused("POST", togglePath(id), "", "The client cannot be deactivated: it has 1 active project.")
	refused("PUT", path(id), deactivation, "The client cannot be deactivated: it has 1 active project.")
	refused("DELETE", path(id), "", "The client cannot be deleted: it has 1 active project.")
	require.Equal(t, "SuprCorp", a.get(id).Name)
	a.update(id, "<name>Renamed</name><active>true</active>")

	other.say(project("Created", 8, client+`,"active":true`), invoice("Created", 9, client))
	refused("POST", togglePath(id), "", "The client cannot be deactivated: it has 2 active projects.")
	refused("DELETE", path(id), "", "The client cannot be deleted: it has 2 active projects and 1 invoice.")

	other.say(project("Toggled", 7, `"active":false`), project("Toggled", 8, client+`,"active":false`))
	refused("DELETE", path(id), "", "The client cannot be deleted: it has 2 inactive projects and 1 invoice.")
	a.want(200, "POST", togglePath(id), "")
	other.say(project("Toggled", 7, `"active":true`)) // though the client is inactive
	a.want(200, "POST", togglePath(id), "")
	refused("DELETE", path(id), "", "The client cannot be deleted: it has 1 active project, 1 inactive project and 1 invoice.")

	other.say(project("Deleted", 7, ""), project("Deleted", 8, client))
	refused("DELETE", path(id), "", "The client cannot be deleted: it has 1 invoice.")
	a.want(200, "PUT", path(id), deactivation, asXML)
	other.say(invoice("Deleted", 9, ""))
	a.want(200, "DELETE", path(id), "")
	a.want(404, "DELETE", path(id), "")
}
