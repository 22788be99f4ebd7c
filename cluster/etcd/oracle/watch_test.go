package oracle

import (
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// watchers is one watch on every store.
type watchers struct {
	request *pb.WatchCreateRequest
	on      []watcher
	// over says that all of them have been cancelled by their stores.
	over bool
}

func isProgress(r *pb.WatchResponse) bool {
	return len(r.Events) == 0 && !r.Created && !r.Canceled && r.CompactRevision == 0
}

// reached reports whether a watch has told everything up to a revision, or has ended. One that begins later has nothing
// to tell but that it was made.
func (x *watchers) reached(w watcher, revision int64) bool {
	return slices.ContainsFunc(w.responses(), func(r *pb.WatchResponse) bool {
		return r.Canceled || r.Created && x.request.StartRevision > revision || isProgress(r) && r.Header.Revision >= revision
	})
}

// settle waits until every watch has told everything up to the present revision, by asking for progress until it is
// granted. It is not while a watch is behind.
func (w *trial) settle() {
	for i, store := range w.stores {
		deadline := time.Now().Add(30 * time.Second)
		for behind := w.behind(i); len(behind) > 0; behind = w.behind(i) {
			if time.Now().After(deadline) {
				x := behind[0]
				w.t.Fatalf("%s: the watch %v has not reached revision %d; it said %v", storeNames[i], x.request, w.state.revision,
					x.on[i].responses())
			}
			for _, x := range behind {
				x.on[i].progress()
			}
			store.pause()
		}
	}
}

// behind lists the watches on a store that have not reached the present revision.
func (w *trial) behind(i int) (behind []*watchers) {
	for _, x := range w.watches {
		if !x.over && !x.reached(x.on[i], w.state.revision) {
			behind = append(behind, x)
		}
	}
	return behind
}

// compareWatches checks that what the watches have told is the same.
func (w *trial) compareWatches() {
	w.settle()
	for _, x := range w.watches {
		want := w.tale(x, 0)
		for i := 1; i < len(x.on); i++ {
			if got := w.tale(x, i); got != want {
				w.t.Fatalf("the watch %v\nof %s told\n%s\nof %s told\n%s", x.request, storeNames[0], want, storeNames[i], got)
			}
		}
		responses := x.on[0].responses()
		x.over = slices.ContainsFunc(responses, func(r *pb.WatchResponse) bool { return r.Canceled })
	}
}

// tale writes down what a watch has told: its creation and end, and its events one by one, since how many go into one
// response depends on when it caught up; in a strict trial, response by response. Progress is checked and left out.
func (w *trial) tale(x *watchers, i int) (text string) {
	told, open := int64(0), int64(0)
	for _, r := range x.on[i].responses() {
		if isProgress(r) {
			told = max(told, r.Header.Revision)
			continue
		}
		copied := *r
		copiedHeader := *r.Header
		copied.Header = &copiedHeader
		hide(&copied)
		w.checkResponse(x, i, r, told, &open)
		if w.strict || len(r.Events) == 0 {
			text += fmt.Sprintln(copied.String())
			continue
		}
		for _, e := range r.Events {
			text += fmt.Sprintln(e)
		}
	}
	return text
}

// checkResponse checks a response by itself: events do not come after progress that covers them, a revision is not
// divided unless the response says so, and the header is not behind the events.
func (w *trial) checkResponse(x *watchers, i int, r *pb.WatchResponse, told int64, open *int64) {
	if len(r.Events) == 0 {
		return
	}
	first, last := r.Events[0].Kv.ModRevision, r.Events[len(r.Events)-1].Kv.ModRevision
	switch {
	case first <= told:
		w.t.Fatalf("%s: the watch %v told of revision %d after progress at %d", storeNames[i], x.request, first, told)
	case first == *open:
		w.t.Fatalf("%s: the watch %v divided revision %d", storeNames[i], x.request, first)
	case r.Header.Revision < last && i > 0:
		w.t.Fatalf("%s: the watch %v told of revision %d under a header of %d", storeNames[i], x.request, last, r.Header.Revision)
	}
	if *open = last; r.Fragment {
		*open = 0
	}
}
