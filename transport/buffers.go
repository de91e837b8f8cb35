package transport

import "sync"

// bufferPool lends buffers of a size, which may grow.
type bufferPool struct {
	size int
	pool sync.Pool
}

func (p *bufferPool) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, p.size)
	return &b
}

// put takes a buffer back, unless it has grown out of use.
func (p *bufferPool) put(b *[]byte) {
	if cap(*b) <= 2*chunk {
		*b = (*b)[:0]
		p.pool.Put(b)
	}
}
