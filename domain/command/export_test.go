package command

// Mutexes returns how many clients have a mutex that is held or waited for.
func (h *Handler) Mutexes() int {
	h.mutex.mu.Lock()
	defer h.mutex.mu.Unlock()
	return len(h.mutex.last)
}
