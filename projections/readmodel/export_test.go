package readmodel

// Waiting returns how many calls wait for a sequence.
func (d *Directory) Waiting() int {
	d.arrivals.mu.Lock()
	defer d.arrivals.mu.Unlock()
	return len(d.arrivals.waiting)
}

// NextRequested reports whether a call waits for a request that was not sent yet.
func (d *Directory) NextRequested() bool {
	d.index.mu.Lock()
	defer d.index.mu.Unlock()
	return d.index.next != nil
}
