package etcd

import (
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim/network"
)

// A write at the leader of three takes two appends, two acknowledgements and two messages that tell of the commit.
func TestCommitsAreNotAcknowledged(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.leader()].ClientAddress})
	w.put("key", "first")
	const puts = 50
	before, began := w.network.Stats().Messages, w.simulation.Now()
	for range puts {
		w.put("key", "value")
	}
	w.run(50 * time.Millisecond)
	beats := int64(w.simulation.Now().Sub(began)/(100*time.Millisecond)+1) * 4
	if n := int64(w.network.Stats().Messages - before); n > 6*puts+beats {
		t.Errorf("%d puts took %d messages, besides at most %d heartbeats and their answers", puts, n-beats, beats)
	}
}

func TestWhichAppendsNeedNoAnswer(t *testing.T) {
	appended := func(index, commit uint64, entries int) *raftpb.Message {
		return &raftpb.Message{Type: raftpb.MsgApp, Term: 2, Index: index, Commit: commit, Entries: make([]raftpb.Entry, entries)}
	}
	acked := &raftpb.Message{Type: raftpb.MsgAppResp, Term: 2, Index: 5}
	rejected := &raftpb.Message{Type: raftpb.MsgAppResp, Term: 2, Index: 5, Reject: true}
	for name, c := range map[string]struct {
		before func(q *quiet)
		ask    *raftpb.Message
		want   bool
	}{
		"a commit to a follower that has answered":  {func(q *quiet) { q.hears(acked, false) }, appended(5, 5, 0), true},
		"one to a follower that never has":          {func(*quiet) {}, appended(5, 5, 0), false},
		"one to a follower that answered before":    {func(q *quiet) { q.hears(&raftpb.Message{Type: raftpb.MsgAppResp, Term: 1}, false) }, appended(5, 5, 0), false},
		"one to a follower that has rejected since": {func(q *quiet) { q.hears(acked, false); q.hears(rejected, false) }, appended(5, 5, 0), false},
		"entries": {func(q *quiet) { q.hears(acked, false) }, appended(5, 5, 1), false},
		"a commit that the follower was told of": {func(q *quiet) {
			q.hears(acked, false)
			q.tells(appended(4, 5, 1))
		}, appended(5, 5, 0), false},
	} {
		var q quiet
		c.before(&q)
		if got := q.tells(c.ask); got != c.want {
			t.Errorf("%s: marked %v, want %v", name, got, c.want)
		}
	}
}

// A follower leaves an answer out only if it has said the same, since the connection broke last.
func TestWhichAnswersAreLeftOut(t *testing.T) {
	const leader = 7
	answer := &raftpb.Message{Type: raftpb.MsgAppResp, To: leader, Term: 2, Index: 5}
	commit := &raftpb.Message{Type: raftpb.MsgApp, Term: 2, Index: 5}
	for name, c := range map[string]struct {
		before func(q *quiet)
		want   bool
	}{
		"said before":                    {func(q *quiet) { q.tells(answer); q.hears(commit, true) }, true},
		"never said":                     {func(q *quiet) { q.hears(commit, true) }, false},
		"not marked":                     {func(q *quiet) { q.tells(answer); q.hears(commit, true); q.hears(commit, false) }, false},
		"said before the end of another": {func(q *quiet) { q.tells(answer); *q = quiet{}; q.hears(commit, true) }, false},
		"said in another term": {func(q *quiet) {
			q.tells(&raftpb.Message{Type: raftpb.MsgAppResp, Term: 1, Index: 5})
			q.hears(commit, true)
		}, false},
	} {
		p := &peer{}
		c.before(&p.quiet)
		if got := (&Member{peers: map[uint64]*peer{leader: p}}).isKnown(answer); got != c.want {
			t.Errorf("%s: left out %v, want %v", name, got, c.want)
		}
	}
}
