package apiserver

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever ends when: exactly those expire whose time is up and that have not ended, in order of arrival, and what has
// ended takes no room for long.
func TestDeadlines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(asTB{t})
		defer w.s.Close()
		type request struct {
			number  int
			at      time.Duration
			gone    bool
			expired bool
		}
		const life = 10 * time.Second
		f := fifo{server: w.servers[0], after: life, kind: w.servers[0].kinds.queueTimeout}
		var all []*request
		now := func() time.Duration { return time.Duration(w.s.Now()) }
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				r := &request{at: now()}
				r.number = f.add(r)
				all = append(all, r)
			case 2:
				if len(all) > 0 {
					r := all[rapid.IntRange(0, len(all)-1).Draw(t, "which")]
					r.gone = true
					f.end(r.number)
				}
			case 3:
				w.run(time.Duration(rapid.IntRange(0, 8).Draw(t, "s")) * time.Second)
				for _, d := range f.expired() {
					r := d.(*request)
					if r.gone || r.expired || now()-r.at < life {
						t.Fatalf("expired after %v: %+v", now()-r.at, r)
					}
					r.expired = true
				}
				for _, r := range all {
					if !r.gone && !r.expired && now()-r.at >= life {
						t.Fatalf("still there after %v", now()-r.at)
					}
				}
			}
		}
	})
}
