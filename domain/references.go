package domain

import "strings"

// References counts the projects and invoices of a client.
type References struct {
	ActiveProjects   int
	InactiveProjects int
	Invoices         int
}

// DependsOnReferences reports whether references can forbid e, so that its decision needs their current state.
func DependsOnReferences(e Event) bool {
	switch e := e.(type) {
	case ClientDeleted:
		return true
	case ClientToggled:
		return !e.Active
	case ClientUpdated:
		return e.Active != nil && !*e.Active
	}
	return false
}

// allow returns an Error that counts the references which forbid e, or nil.
func (r References) allow(e Event) error {
	if !DependsOnReferences(e) {
		return nil
	}
	if _, deletes := e.(ClientDeleted); !deletes {
		if r.ActiveProjects > 0 {
			return Errorf(Blocked, "The client cannot be deactivated: it has %s.", Counted(r.ActiveProjects, "active project"))
		}
		return nil
	}
	var obstacles []string
	for _, o := range []struct {
		n    int
		what string
	}{{r.ActiveProjects, "active project"}, {r.InactiveProjects, "inactive project"}, {r.Invoices, "invoice"}} {
		if o.n > 0 {
			obstacles = append(obstacles, Counted(o.n, o.what))
		}
	}
	if len(obstacles) == 0 {
		return nil
	}
	last := len(obstacles) - 1
	list := obstacles[last]
	if last > 0 {
		list = strings.Join(obstacles[:last], ", ") + " and " + list
	}
	return Errorf(Blocked, "The client cannot be deleted: it has %s.", list)
}
