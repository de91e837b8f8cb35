package readmodel

import (
	"iter"
	"maps"
	"slices"

	"clients/domain"
)

// View returns the model as it is now, for a reader that continues while the model changes. It copies the roots of a
// few trees for each account, and two sets of ids.
func (m *Model) View() View {
	v := View{Totals: m.Totals}
	v.Setbacks, v.References = slices.Clone(m.Setbacks), m.References.Copy()
	v.Deleted, v.Repeated = m.Deleted.Clone(), m.Repeated.Clone()
	for _, name := range slices.Sorted(maps.Keys(m.accounts)) {
		a := m.accounts[name]
		v.Accounts = append(v.Accounts, Account{Name: name, Revision: a.revision, clients: a.byName.Copy()})
	}
	return v
}

// View is a Model as of one sequence. It never changes.
type View struct {
	Totals
	Accounts []Account // by name
}

// Account is an account of a View.
type Account struct {
	Name     string
	Revision domain.Revision
	clients  *tree
}

// Len returns how many clients the account has.
func (a Account) Len() int { return a.clients.Len() }

// Clients returns the clients, in the order of a list.
func (a Account) Clients() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) { a.clients.Scan(yield) }
}
