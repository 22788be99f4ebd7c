package network

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

func TestAStreamCarriesMessagesBothWays(t *testing.T) {
	l := newLab(t, Config{})
	r := &sink{}
	st := l.conn.Stream(0, "watch", 10, r)
	for i := range 5 {
		st.Send(i, 10)
	}
	l.service.onOpen = func(st *ServerStream) {
		for i := range 5 {
			st.Send(10+i, 10)
		}
		if st.Payload() != "watch" || st.PeerName() != "client/ask" {
			t.Errorf("opened with %v by %s", st.Payload(), st.PeerName())
		}
	}
	l.run(time.Second)
	if len(r.got) != 5 || r.got[4] != 14 || len(l.service.got) != 5 || l.service.got[4] != 4 {
		t.Fatalf("client got %v, server %v", r.got, l.service.got)
	}
}

func TestEitherSideEndsAStream(t *testing.T) {
	gone := errors.New("gone")
	for _, err := range []error{nil, gone} {
		l := newLab(t, Config{})
		r := &sink{}
		l.conn.Stream(0, "watch", 10, r)
		l.run(time.Second)
		l.service.streams[0].Send("last", 10)
		l.service.streams[0].Close(err)
		l.run(time.Second)
		if len(r.got) != 1 || len(r.closed) != 1 || r.closed[0] != err {
			t.Fatalf("got %v, closed %v, want the last message and then %v", r.got, r.closed, err)
		}
		if len(l.service.closed) != 0 {
			t.Fatal("the server was told of its own end")
		}
	}
	l := newLab(t, Config{})
	r := &sink{}
	st := l.conn.Stream(0, "watch", 10, r)
	l.run(time.Second)
	l.service.streams[0].Send("late", 10)
	st.Close()
	l.run(time.Second)
	if len(r.got)+len(r.closed) != 0 || len(l.service.closed) != 1 || l.service.closed[0] != nil {
		t.Fatalf("after Close the client got %v, %v and the server heard %v", r.got, r.closed, l.service.closed)
	}
}

func TestAFullWindowShowsAtTheSender(t *testing.T) {
	l := newLab(t, Config{})
	l.dialling = DialOptions{StreamWindow: 1000}
	l.client.Restart(0)
	l.run(time.Millisecond)
	r := &sink{}
	st := l.conn.Stream(0, "watch", 10, r)
	st.ManualFlow()
	l.run(time.Second)
	server := l.service.streams[0]
	writable := 0
	server.OnWritable(func() { writable++ })
	sent := 0
	for server.Send(sent, 100) {
		sent++
	}
	l.run(time.Second)
	if sent != 10 || len(r.got) != 10 || server.Buffered() != 1000 || server.Writable() {
		t.Fatalf("%d sent, %d received, %d bytes buffered", sent, len(r.got), server.Buffered())
	}
	st.Consume(400)
	l.run(time.Second)
	if writable != 0 {
		t.Fatal("the window opened before half of it was consumed")
	}
	st.Consume(200)
	l.run(time.Second)
	if writable != 1 || server.Buffered() != 400 {
		t.Fatalf("writable %d times, %d bytes buffered", writable, server.Buffered())
	}
}

func TestAMessageLargerThanTheWindowPassesAlone(t *testing.T) {
	l := newLab(t, Config{})
	l.dialling = DialOptions{StreamWindow: 1000}
	l.client.Restart(0)
	l.run(time.Millisecond)
	r := &sink{}
	l.conn.Stream(0, "watch", 10, r)
	l.run(time.Second)
	server := l.service.streams[0]
	if !server.Send("huge", 5000) || server.Send("next", 10) {
		t.Fatal("want the first accepted and the second refused")
	}
	l.run(time.Second)
	if !server.Send("next", 10) {
		t.Fatal("the window stayed closed")
	}
}

func TestTheConnectionsWindowIsSharedByItsStreams(t *testing.T) {
	l := newLab(t, Config{})
	l.dialling = DialOptions{StreamWindow: 1000, Window: 1500}
	l.client.Restart(0)
	l.run(time.Millisecond)
	a, b := &sink{}, &sink{}
	first := l.conn.Stream(0, "a", 10, a)
	first.ManualFlow()
	l.conn.Stream(0, "b", 10, b).ManualFlow()
	l.run(time.Second)
	sent := 0
	for _, st := range l.service.streams {
		st.OnWritable(func() { sent++; st.Send("more", 100) })
		for st.Send("x", 100) {
			sent++
		}
	}
	l.run(time.Second)
	if sent != 15 || len(a.got) != 10 || len(b.got) != 5 {
		t.Fatalf("%d sent, %d and %d received: want 1000 and 500 bytes", sent, len(a.got), len(b.got))
	}
	first.Close() // What it had not consumed no longer burdens the connection.
	l.run(time.Second)
	if len(b.got) < 6 {
		t.Fatal("the second stream got no share of what the first gave up")
	}
}

func TestAClientsStreamQueuesWhatTheWindowRefuses(t *testing.T) {
	l := newLab(t, Config{ServerStreamWindow: 1000})
	st := l.conn.Stream(0, "upload", 10, &sink{})
	for i := range 100 {
		st.Send(i, 100)
	}
	if st.Buffered() != 10_000 {
		t.Fatalf("%d bytes buffered", st.Buffered())
	}
	l.run(time.Second)
	if len(l.service.got) != 100 || st.Buffered() > 1000 {
		t.Fatalf("%d arrived, %d bytes buffered", len(l.service.got), st.Buffered())
	}
	for i, msg := range l.service.got {
		if msg != i {
			t.Fatalf("message %d is %v", i, msg)
		}
	}
}

func TestAStalledConnectionShowsAtTheSender(t *testing.T) {
	l := newLab(t, Config{SendBuffer: 1000})
	r := &sink{}
	l.conn.Stream(0, "watch", 10, r)
	l.run(time.Second)
	server := l.service.streams[0]
	sent := 0
	server.OnWritable(func() {
		for sent < 30 && server.Send(sent, 100) {
			sent++
		}
	})
	fault := l.n.Partition(clientSide, serverSide, Both)
	for server.Send(sent, 100) {
		sent++
	}
	if sent != 10 {
		t.Fatalf("%d messages fit into a send buffer of 10", sent)
	}
	l.run(time.Second)
	l.n.Heal(fault)
	l.run(5 * time.Second)
	if sent != 30 || len(r.got) != 30 {
		t.Fatalf("after healing %d were sent and %d received", sent, len(r.got))
	}
}

func TestStreamsEndWithTheirConnection(t *testing.T) {
	l := newLab(t, Config{})
	a, b := &sink{}, &sink{}
	l.conn.Stream(0, "a", 10, a)
	l.run(time.Second)
	l.server.Kill()
	l.run(time.Second)
	l.conn.Stream(0, "b", 10, b)
	if len(b.closed) != 0 {
		t.Fatal("Closed was called inside Stream")
	}
	l.run(time.Second)
	if len(a.closed) != 1 || a.closed[0] != ErrReset || len(b.closed) != 1 || b.closed[0] != ErrRefused {
		t.Fatalf("heard %v and %v", a.closed, b.closed)
	}
}

func TestTheServerHearsOfABrokenConnection(t *testing.T) {
	l := newLab(t, Config{})
	l.conn.Stream(0, "a", 10, &sink{})
	l.run(time.Second)
	l.client.Kill()
	l.run(time.Second)
	if len(l.service.closed) != 1 || l.service.closed[0] != ErrReset {
		t.Fatalf("the server heard %v", l.service.closed)
	}
}

func TestMessagesBeforeOnMessageAreKept(t *testing.T) {
	l := newLab(t, Config{})
	var got []any
	l.service.onOpen = func(st *ServerStream) {
		st.OnMessage(nil)
		l.server.After(time.Second, func() { st.OnMessage(func(msg any, _ int) { got = append(got, msg) }) })
	}
	st := l.conn.Stream(0, "a", 10, &sink{})
	st.Send(1, 10)
	st.Send(2, 10)
	l.run(3 * time.Second)
	if len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Fatalf("got %v", got)
	}
}

func TestOneWayMessagesArriveInOrderOrAreRefused(t *testing.T) {
	l := newLab(t, Config{MessageWindow: 1000})
	for i := range 5 {
		if !l.conn.Send(0, i, 100) {
			t.Fatal("refused while connecting")
		}
	}
	l.run(time.Second)
	if len(l.service.got) != 5 || l.service.got[4] != 4 {
		t.Fatalf("got %v", l.service.got)
	}
	l.server.Pause()
	accepted := 0
	for range 100 {
		if l.conn.Send(0, "x", 100) {
			accepted++
		}
	}
	if accepted == 0 || accepted > 10 {
		t.Fatalf("%d messages of 100 bytes were accepted by a window of 1000 whose reader is paused", accepted)
	}
	l.server.Resume()
	l.run(time.Second)
	if !l.conn.Send(0, "y", 100) {
		t.Fatal("the window stayed closed")
	}
	l.server.Kill()
	l.run(time.Second)
	l.conn.Send(0, "z", 100)
	l.run(5 * time.Millisecond)
	if l.conn.Send(0, "z", 100) {
		t.Fatal("accepted while attempts to connect fail")
	}
}

func TestDatagramsShowWhatTheNetworkDoes(t *testing.T) {
	l := newLab(t, Config{})
	var got []int
	listen := func(p *host.Process) {
		l.n.ListenDatagram(p, "server:53", func(d Datagram) { got = append(got, d.Payload.(int)) })
	}
	l.machines["server"].Spawn("dns", listen)
	send := func(count int) (lost, twice, swapped int) {
		got = nil
		for i := range count {
			l.n.Send(l.client, "client:1", "server:53", i, 100)
			l.run(50 * time.Microsecond)
		}
		l.run(time.Minute)
		seen := map[int]int{}
		for i, x := range got {
			seen[x]++
			if i > 0 && x < got[i-1] {
				swapped++
			}
		}
		for i := range count {
			switch seen[i] {
			case 0:
				lost++
			case 2:
				twice++
			}
		}
		return lost, twice, swapped
	}
	if lost, twice, _ := send(1000); lost != 0 || twice != 0 {
		t.Fatalf("a sound network lost %d and doubled %d", lost, twice)
	}
	fault := l.n.Degrade(clientSide, serverSide, To, PathConfig{
		LossPPM: 100_000, DuplicatePPM: 200_000, ReorderPPM: 100_000, ReorderDelay: sim.Fixed(20 * time.Millisecond),
	})
	lost, twice, swapped := send(2000)
	if lost < 150 || lost > 250 || twice < 280 || twice > 440 || swapped < 100 {
		t.Fatalf("of 2000, %d lost, %d doubled, %d out of order", lost, twice, swapped)
	}
	l.n.Heal(fault)
	l.n.Partition(clientSide, serverSide, To)
	if lost, _, _ := send(10); lost != 10 {
		t.Fatalf("%d of 10 lost in a partition", lost)
	}
}
