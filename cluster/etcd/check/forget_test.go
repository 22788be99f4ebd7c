package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
)

// A compaction bounds what is remembered, but for what a watch has still to tell.
func TestWhatIsCompactedAndToldIsForgotten(t *testing.T) {
	w := newWorld(1, 2)
	defer w.close()
	if err := w.run(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	everything := etcd.WatchRequest{Key: "key", RangeEnd: "kez"}
	writer, watcher := w.clients[0], w.clients[1]
	writer.process.Do(func() { writer.Watch(everything) })
	watcher.process.Do(func() { watcher.Watch(everything) })
	const puts = 200
	write := func() {
		for i := range puts {
			writer.process.Do(func() {
				writer.Put(&etcd.PutRequest{Key: fmt.Sprint("key", i%5), Value: etcd.Bytes("value")}, nil)
			})
			if err := w.run(20 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		writer.process.Do(func() { writer.Compact(w.checker.Revision(), func(error) {}) })
		if err := w.run(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if n := w.checker.watches.history.Len(); n > 5 {
		t.Errorf("%d of %d changes are remembered after the compaction", n, puts)
	}
	watcher.process.Pause()
	write()
	if n := w.checker.watches.history.Len(); n < puts {
		t.Errorf("%d of %d changes are remembered while a watch has not told them", n, puts)
	}
	watcher.process.Resume()
	w.settle(t)
}
