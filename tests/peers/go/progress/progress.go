// Package progress counts which round each object's callbacks have seen, as the Rust contestants do.
package progress

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// stride is how far the versions of one object are apart from round to round.
const stride = 10_000_000

// maxRounds is more than anybody measures.
const maxRounds = 4096

// Progress counts, for each round, the objects whose callbacks have seen it or a later one.
//
// Merged events are counted honestly: an object that skips a round has handled it with the next.
type Progress struct {
	// seen holds, for each object, one more than the last round that was seen; 0 before the first.
	seen []atomic.Uint32
	// handled holds, for each round, how many objects have seen it or a later one.
	handled [maxRounds]atomic.Int64
	// Synced is closed when all objects have seen round 0.
	Synced chan struct{}
}

// New counts for so many objects, whose names end in their index.
func New(objects int) *Progress {
	return &Progress{seen: make([]atomic.Uint32, objects), Synced: make(chan struct{})}
}

// Saw notes that a callback has handled an object; the last for a round prints its line.
//
// What is no object of the load counts for nothing, so that its round is never complete.
func (p *Progress) Saw(name, resourceVersion string) {
	index, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil || index < 0 || index >= len(p.seen) {
		return
	}
	version, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil || version < stride {
		return
	}
	after := uint32(version / stride)
	seen := &p.seen[index]
	before := seen.Load()
	for before < after && !seen.CompareAndSwap(before, after) {
		before = seen.Load()
	}
	for round := before; round < after && round < maxRounds; round++ {
		if p.handled[round].Add(1) == int64(len(p.seen)) {
			p.complete(round)
		}
	}
}

func (p *Progress) complete(round uint32) {
	now := time.Now().UnixNano()
	if round == 0 {
		fmt.Printf("synced %d\n", now)
		close(p.Synced)
		return
	}
	fmt.Printf("round %d %d\n", round, now)
}
