package timeline

import lru "github.com/hashicorp/golang-lru/v2"

// Bounds of what is kept. A version takes 130 KiB at most: two texts of details.
const (
	keptInterval = 500 // versions
	maxKept      = 64
)

// New returns a timeline that keeps some versions of long histories, those that were read last. What is kept of a client is not used
// after its erasure. It stays in memory until the client is read again, or others have taken its place.
func New(log Log, directory Directory) Timeline {
	kept, _ := lru.New[place, Version](maxKept) // an error is for a size below 1
	return Timeline{log, directory, kept}
}

// place is a version of a client.
type place struct {
	account string
	id      int64
	version uint64
}

// keep keeps every keptInterval-th version of a client.
func (t Timeline) keep(v Version) {
	if v.Version%keptInterval == 0 {
		t.kept.Add(place{v.Account, v.ClientID, v.Version}, v)
	}
}

// lastKept returns the last version of a client that is kept and for which unneeded is true.
func (t Timeline) lastKept(account string, id int64, unneeded func(Version) bool) (last Version, found bool) {
	for _, at := range t.kept.Keys() {
		if at.account != account || at.id != id || at.version < last.Version {
			continue
		}
		if v, still := t.kept.Get(at); still && unneeded(v) {
			last = v
		}
	}
	return last, last.Version > 0
}
