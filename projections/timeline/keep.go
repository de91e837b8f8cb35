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
	versions, _ := lru.New[place, Version](maxKept) // an error is for a size below 1
	return Timeline{Log: log, Directory: directory, kept: &kept{versions}}
}

// place is a version of a client.
type place struct {
	account string
	id      int64
	version uint64
}

// kept holds versions in memory. A nil kept holds none.
type kept struct{ versions *lru.Cache[place, Version] }

// add keeps every keptInterval-th version of a client.
func (k *kept) add(v Version) {
	if k != nil && v.Version%keptInterval == 0 {
		k.versions.Add(place{v.Account, v.ClientID, v.Version}, v)
	}
}

// last returns the last version of a client that is kept and for which unneeded is true.
func (k *kept) last(account string, id int64, unneeded func(Version) bool) (last Version, found bool) {
	if k == nil {
		return last, false
	}
	for _, at := range k.versions.Keys() {
		if at.account != account || at.id != id || at.version < last.Version {
			continue
		}
		if v, still := k.versions.Peek(at); still && unneeded(v) {
			last = v
		}
	}
	if last.Version == 0 {
		return last, false
	}
	return k.versions.Get(place{account, id, last.Version}) // it was used last
}

// forget drops what is kept of a client.
func (k *kept) forget(account string, id int64) {
	for _, at := range k.versions.Keys() {
		if at.account == account && at.id == id {
			k.versions.Remove(at)
		}
	}
}
