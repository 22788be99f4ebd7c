package oracle

import (
	"bytes"
	"fmt"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"pgregory.net/rapid"
)

// Watches that are far behind catch up in the same responses of at most 1000 revisions, whatever they leave out.
func TestFarBehindEqualsEtcd(t *testing.T) {
	l := &laboratory{}
	defer l.close()
	w := &trial{laboratory: l, strict: true}
	once(t, func(t *rapid.T) {
		w.t = t
		w.begin()
		first := w.state.revision + 1
		for i := range 2500 {
			key := []byte(fmt.Sprint("key", i%7))
			if i%5 == 4 {
				w.do(&pb.DeleteRangeRequest{Key: key})
			} else {
				w.do(&pb.PutRequest{Key: key, Value: key})
			}
		}
		all := []byte{0}
		noPut := []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT}
		noDelete := []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NODELETE}
		for _, r := range []*pb.WatchCreateRequest{
			{Key: all, RangeEnd: all, StartRevision: first},
			{Key: all, RangeEnd: all, StartRevision: first + 700, PrevKv: true, Filters: noPut},
			{Key: all, RangeEnd: all, StartRevision: first + 1, Filters: noDelete},
			{Key: []byte("key3"), StartRevision: first},
			{Key: []byte("key1"), RangeEnd: []byte("key5"), StartRevision: first, PrevKv: true},
			{Key: all, RangeEnd: all, StartRevision: w.state.revision},
		} {
			w.watch(r)
			w.compareWatches()
		}
		w.held = true
		w.end()
	})
}

// once runs a test that draws nothing.
func once(t *testing.T, f func(*rapid.T)) {
	done := false
	rapid.Check(t, func(t *rapid.T) {
		if !done {
			done = true
			f(t)
		}
	})
}

// Large responses come in the same pieces, or whole to those who do not allow pieces. The sizes are multiples of 1000, so
// that no piece ends within the few bytes by which the modelled size is off.
func TestFragmentsEqualEtcd(t *testing.T) {
	check(t, groups, func(w *trial) {
		w.strict = true
		first := w.state.revision + 1
		for range rapid.IntRange(1, 25).Draw(w.t, "puts") {
			size := 1000 * rapid.IntRange(1, 60).Draw(w.t, "size")
			w.do(&pb.PutRequest{Key: []byte(keys.Draw(w.t, "key")), Value: bytes.Repeat([]byte{'x'}, size)})
		}
		for range 2 {
			r := w.state.watch(w.t)
			r.StartRevision, r.Fragment = rapid.Int64Range(first, w.state.revision).Draw(w.t, "start"), !chance(w.t, 4, "whole")
			w.watch(r)
			w.compareWatches()
		}
	})
}
