package workload

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// model is the state of one client in a sequential history.
type model struct {
	exists  bool
	version uint64
	name    string
	active  bool
	tag     string // "" until a response had it
}

// clientModel is the specification of one client: each operation takes effect at one moment, on the state that the previous
// one left.
var clientModel = porcupine.Model{
	Init: func() any { return model{} },
	Step: func(state, input, _ any) (bool, any) { return state.(model).step(input.(Operation)) },
}

// step reports whether an operation can have its outcome, and returns the state after it. An operation with an unknown outcome
// is possible in any state.
func (m model) step(o Operation) (bool, model) {
	matches := o.IfMatch == "" || o.IfMatch == m.tag || m.tag == "" && versionOf(o.IfMatch) == m.version
	switch {
	case !o.Known():
		if m.exists && matches {
			return true, m.after(o)
		}
		return true, m
	case o.Kind == Create:
		return !m.exists && m.version == 0 && o.Status == 201, m.after(o)
	case o.Status == 404:
		return !m.exists, m
	case o.Status == 412:
		return m.exists && !matches, m
	case !m.exists || o.Status != 200:
		return false, m
	case o.Kind == Get:
		same := o.Seen.CacheVersion+1 == m.version && o.Seen.Name == m.name && o.Seen.Active == m.active
		known := m.tag == "" || o.Tag == "" || m.tag == o.Tag
		if o.Tag != "" {
			m.tag = o.Tag
		}
		return same && known, m
	}
	next := m.after(o)
	return matches && (o.Kind == Delete || versionOf(o.Tag) == next.version), next
}

// after returns the state after an operation that took effect.
func (m model) after(o Operation) model {
	m.version++
	m.tag = o.Tag
	switch o.Kind {
	case Create:
		m.exists, m.name, m.active = true, o.Request, true
	case Update:
		m.name = o.Request
	case Toggle:
		m.active = !m.active
	case Delete:
		m.exists = false
	}
	return m
}

// versionOf returns the version that a tag begins with.
func versionOf(tag string) uint64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(tag, `"`), "-")
	version, _ := strconv.ParseUint(digits, 16, 64)
	return version
}

// linearizable checks the history of one client, and returns a description of the violation, or "".
func linearizable(operations []Operation) string {
	var history []porcupine.Operation
	for _, o := range operations {
		if !o.Known() { // it may take effect at any later time
			o.Ended, o.Tag = math.MaxInt64, ""
		}
		history = append(history, porcupine.Operation{ClientId: o.Caller, Input: o, Call: int64(o.Called), Return: int64(o.Ended)})
	}
	result, info := porcupine.CheckOperationsVerbose(clientModel, history, time.Minute)
	if result == porcupine.Ok {
		return ""
	}
	return fmt.Sprintf("%s: %s", result, misfits(history, info))
}

// maxText is how long a text about a violation becomes. The first operations tell most.
const maxText = 2000

// misfits describes the operations around the first one that has no possible place in the history.
func misfits(history []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []int
	for _, partial := range info.PartialLinearizations()[0] {
		if len(partial) > len(longest) {
			longest = partial
		}
	}
	state := model{}
	for _, i := range longest {
		_, state = state.step(history[i].Input.(Operation))
	}
	text := fmt.Sprintf("state %+v", state)
	for i, o := range history {
		if !slices.Contains(longest, i) && len(text) < maxText {
			text += fmt.Sprintf("\n\tdoes not fit: %+v", o.Input)
		}
	}
	return text
}
