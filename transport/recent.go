package transport

import "container/list"

// recent is a map that holds no more than size entries: a new one takes the place of the one that was not used for the
// longest time.
type recent[K comparable, V any] struct {
	size    int
	entries map[K]*list.Element
	order   *list.List // the last one used is in front
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, entries: make(map[K]*list.Element), order: list.New()}
}

// get answers the value of key, where there is one.
func (r *recent[K, V]) get(key K) (value V, found bool) {
	element := r.entries[key]
	if element == nil {
		return value, false
	}
	r.order.MoveToFront(element)
	return element.Value.(*recentEntry[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	if element := r.entries[key]; element != nil {
		element.Value.(*recentEntry[K, V]).value = value
		r.order.MoveToFront(element)
		return
	}
	if len(r.entries) >= r.size {
		last := r.order.Back()
		delete(r.entries, r.order.Remove(last).(*recentEntry[K, V]).key)
	}
	r.entries[key] = r.order.PushFront(&recentEntry[K, V]{key, value})
}
