package disk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

func newDisk(t testing.TB, c Config) (*sim.Simulation, *Disk) { return newSeededDisk(t, 1, c) }

func newSeededDisk(t testing.TB, seed uint64, c Config) (*sim.Simulation, *Disk) {
	s := sim.New(sim.Config{Seed: seed, NoWatchdog: true})
	t.Cleanup(s.Close)
	c.Name = "disk"
	if c.SyncLatency == nil {
		c.SyncLatency = sim.Fixed(time.Millisecond)
	}
	if c.BytesPerSecond == 0 {
		c.BytesPerSecond = 1 << 40
	}
	return s, New(s, c)
}

func run(t testing.TB, s *sim.Simulation, d time.Duration) {
	t.Helper()
	if err := s.Run(s.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// describe shows a file as its records: payload at offset, and what is wrong with it.
func describe(records []Record) string {
	var parts []string
	for _, r := range records {
		part := fmt.Sprintf("%v@%d", r.Payload, r.Offset)
		if r.State != Intact {
			part += " " + r.State.String()
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func TestReadingSeesWhatWasWritten(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(f *File)
		want string
		size int64
	}{
		{"append", func(f *File) { f.Append("a", 10); f.Append("b", 5) }, "a@0, b@10", 15},
		{"hole", func(f *File) { f.Write(20, "a", 10) }, "a@20", 30},
		{"overwrite a whole record", func(f *File) { f.Append("a", 10); f.Append("b", 10); f.Write(0, "c", 10) }, "c@0, b@10", 20},
		{"overwrite a part", func(f *File) { f.Append("a", 10); f.Write(3, "b", 4) }, "a@0 torn, b@3", 10},
		{"overwrite across a border", func(f *File) { f.Append("a", 10); f.Append("b", 10); f.Write(8, "c", 4) }, "a@0 torn, c@8, b@10 torn", 20},
		{"truncate between", func(f *File) { f.Append("a", 10); f.Append("b", 10); f.Truncate(10) }, "a@0", 10},
		{"truncate inside", func(f *File) { f.Append("a", 10); f.Truncate(4) }, "a@0 torn", 4},
		{"truncate and append", func(f *File) { f.Append("a", 10); f.Truncate(0); f.Append("b", 3) }, "b@0", 3},
		{"grow", func(f *File) { f.Append("a", 10); f.Truncate(100) }, "a@0", 100},
	} {
		_, d := newDisk(t, Config{})
		f := d.Open("f")
		c.do(f)
		if got := describe(f.Records()); got != c.want || f.Size() != c.size || d.Used() != c.size {
			t.Errorf("%s: got %q of %d bytes, want %q of %d; %d used", c.name, got, f.Size(), c.want, c.size, d.Used())
		}
	}
}

func TestPrefixStopsAtTheFirstFlaw(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(f *File)
		want  string
		clean bool
	}{
		{"all well", func(f *File) { f.Append("a", 10); f.Append("b", 5) }, "a@0, b@10", true},
		{"hole", func(f *File) { f.Append("a", 10); f.Write(20, "b", 10) }, "a@0", false},
		{"torn", func(f *File) { f.Append("a", 10); f.Append("b", 10); f.Append("c", 10); f.Write(12, "x", 1) }, "a@0", false},
		{"preallocated", func(f *File) { f.Truncate(100); f.Write(0, "a", 10) }, "a@0", false},
	} {
		_, d := newDisk(t, Config{})
		f := d.Open("f")
		c.do(f)
		records, _, clean := f.Prefix()
		if got := describe(records); got != c.want || clean != c.clean {
			t.Errorf("%s: got %q, clean %v", c.name, got, clean)
		}
	}
}

func TestBytesAreReadBack(t *testing.T) {
	_, d := newDisk(t, Config{SectorBytes: 4})
	f := d.Open("f")
	f.Append([]byte("hello, world"), 12)
	f.Write(7, []byte("there"), 5)
	f.Truncate(14)
	if got := string(f.Bytes()); got != "hello, there\x00\x00" {
		t.Fatalf("got %q", got)
	}
	d.Rot("f", 1)
	if got := f.Bytes(); string(got[4:12]) != "o, there" || got[1] == 'e' {
		t.Fatalf("after rot got %q", got)
	}
}

func TestSyncsQueue(t *testing.T) {
	s, d := newDisk(t, Config{SyncLatency: sim.Fixed(10 * time.Millisecond)})
	f := d.Open("f")
	var done []time.Duration
	note := func(error) { done = append(done, s.Now().Duration()/time.Millisecond) }
	f.Append("a", 1)
	f.Sync(note)
	if len(done) != 0 {
		t.Fatal("done inside Sync")
	}
	run(t, s, 5*time.Millisecond)
	f.Sync(note)
	d.SyncDirectory(note)
	run(t, s, time.Second)
	if !slices.Equal(done, []time.Duration{10, 20, 30}) {
		t.Fatalf("done at %v", done)
	}
	if d.Stats().Waited != 20*time.Millisecond {
		t.Fatalf("waited %v: 5 and 15 ms", d.Stats().Waited)
	}
}

func TestASyncTakesBandwidth(t *testing.T) {
	s, d := newDisk(t, Config{BytesPerSecond: 1 << 20})
	f := d.Open("f")
	f.Append("large", 10<<20)
	var done sim.Time
	f.Sync(func(error) { done = s.Now() })
	run(t, s, time.Minute)
	if done.Duration() != 10*time.Second+time.Millisecond {
		t.Fatalf("10 MiB at 1 MiB/s were synced after %v", done)
	}
	f.Sync(func(error) { done = s.Now() })
	run(t, s, time.Millisecond)
	if done.Duration() != time.Minute+time.Millisecond {
		t.Fatal("a clean file was written again")
	}
}

func TestSyncedIsDurableAndUnsyncedMayGo(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(200) {
		s, d := newSeededDisk(t, seed, Config{SectorBytes: 512})
		f := d.Open("f")
		d.SyncDirectory(func(error) {})
		f.Append("synced", 300)
		f.Sync(func(error) {})
		f.Append("after the sync", 2000) // Not covered by the sync that is under way.
		run(t, s, time.Second)
		d.Crash()
		outcomes[describe(f.Records())]++
	}
	for _, want := range []string{"synced@0", "synced@0, after the sync@300", "synced@0, after the sync@300 torn"} {
		if outcomes[want] == 0 {
			t.Errorf("never got %q", want)
		}
		delete(outcomes, want)
	}
	if len(outcomes) > 0 {
		t.Errorf("got %v", outcomes)
	}
}

func TestAProcesssDeathLosesNothing(t *testing.T) {
	s, d := newDisk(t, Config{})
	p := s.NewProcess("p", s.NewClock())
	d.Open("f")
	d.SyncDirectory(func(error) {})
	run(t, s, time.Second)
	told := false
	p.Do(func() {
		f := d.Open("f")
		f.Append("a", 100)
		f.Sync(func(error) { told = true })
	})
	p.Kill()
	run(t, s, time.Second)
	if told {
		t.Fatal("a dead process was told")
	}
	d.Crash()
	if got := describe(d.Open("f").Records()); got != "a@0" {
		t.Fatalf("the operating system did not finish the sync of a dead process: %q", got)
	}
}

func TestNamesNeedASyncOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(100) {
		s, d := newSeededDisk(t, seed, Config{})
		f := d.Open("a")
		f.Append("data", 10)
		f.Sync(func(error) {})
		run(t, s, time.Second)
		d.Open("b")
		d.Rename("a", "c")
		d.Remove("b")
		d.Crash()
		seen[strings.Join(d.List(""), " ")] = true
		if d.Exists("c") && describe(d.Open("c").Records()) != "data@0" {
			t.Fatal("a renamed file lost its synced content")
		}
	}
	for _, want := range []string{"", "a", "a b", "b c", "c"} {
		if !seen[want] {
			t.Errorf("never got the names %q", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("got %v", seen)
	}
	s, d := newDisk(t, Config{})
	d.Open("a")
	d.SyncDirectory(func(error) {})
	run(t, s, time.Second)
	d.Crash()
	if !d.Exists("a") {
		t.Fatal("a synced name is gone")
	}
}

func TestRenameReplaces(t *testing.T) {
	_, d := newDisk(t, Config{})
	d.Open("a").Append("new", 10)
	d.Open("b").Append("old", 20)
	if err := d.Rename("a", "b"); err != nil || describe(d.Open("b").Records()) != "new@0" || d.Exists("a") || d.Used() != 10 {
		t.Fatalf("got %v, %q, %d used", err, describe(d.Open("b").Records()), d.Used())
	}
	if d.Rename("x", "y") != ErrNotExist || d.Remove("x") != ErrNotExist {
		t.Fatal("what does not exist was renamed or removed")
	}
	if got := strings.Join(d.List("b"), " "); got != "b" {
		t.Fatalf("list: %q", got)
	}
}

func TestFaults(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		_, d := newDisk(t, Config{CapacityBytes: 100})
		f := d.Open("f")
		must[int64](t)(f.Append("a", 90))
		if _, err := f.Append("b", 11); !errors.Is(err, ErrNoSpace) || f.Size() != 90 {
			t.Fatalf("got %v, %d bytes", err, f.Size())
		}
		if err := f.Write(0, "c", 90); err != nil {
			t.Fatalf("overwriting on a full disk: %v", err)
		}
		f.Truncate(50)
		must[int64](t)(f.Append("d", 50))
		d.SetCapacity(0)
		d.SetFull(true)
		if _, err := f.Append("e", 1); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		s, d := newDisk(t, Config{})
		d.SlowSync(sim.Fixed(time.Second))
		var done sim.Time
		d.Open("f").Sync(func(error) { done = s.Now() })
		run(t, s, time.Minute)
		if done.Duration() != 1001*time.Millisecond {
			t.Fatalf("done after %v", done)
		}
	})
	t.Run("stall", func(t *testing.T) {
		s, d := newDisk(t, Config{SyncLatency: sim.Fixed(10 * time.Millisecond)})
		f := d.Open("f")
		var done []time.Duration
		note := func(error) { done = append(done, s.Now().Duration()/time.Millisecond) }
		f.Sync(note)
		run(t, s, 4*time.Millisecond)
		d.Stall(100 * time.Millisecond)
		run(t, s, 50*time.Millisecond)
		f.Sync(note)
		d.Stall(70 * time.Millisecond) // 20 ms more.
		run(t, s, time.Second)
		d.Stall(time.Hour)
		f.Sync(note)
		run(t, s, time.Second)
		d.Unstall()
		run(t, s, time.Second)
		if !slices.Equal(done, []time.Duration{130, 140, 2064}) {
			t.Fatalf("done at %v", done)
		}
	})
	t.Run("lost sync", func(t *testing.T) {
		lost := 0
		for seed := range uint64(40) {
			s, d := newSeededDisk(t, seed, Config{})
			f := d.Open("f")
			d.SyncDirectory(func(error) {})
			run(t, s, time.Second)
			d.LoseSync(true)
			f.Append("a", 10)
			f.Sync(func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			})
			run(t, s, time.Second)
			d.Crash()
			if len(f.Records()) == 0 {
				lost++
			}
		}
		if lost < 10 {
			t.Fatalf("lost %d times in 40", lost)
		}
	})
	t.Run("failed sync", func(t *testing.T) {
		s, d := newDisk(t, Config{})
		f := d.Open("f")
		d.SyncDirectory(func(error) {})
		run(t, s, time.Second)
		d.FailSync(true)
		f.Append("a", 10)
		var errs []error
		f.Sync(func(err error) { errs = append(errs, err) })
		run(t, s, time.Second)
		d.FailSync(false)
		f.Append("b", 10)
		f.Sync(func(err error) { errs = append(errs, err) })
		run(t, s, time.Second)
		if describe(f.Records()) != "a@0, b@10" || errs[0] != ErrIO || errs[1] != nil {
			t.Fatalf("before the crash: %q, %v", describe(f.Records()), errs)
		}
		d.Crash()
		if got := describe(f.Records()); got != "b@10" {
			t.Fatalf("a later sync saved what an earlier one had failed to: %q", got)
		}
	})
	t.Run("torn write", func(t *testing.T) {
		s, d := newDisk(t, Config{})
		f := d.Open("f")
		d.SyncDirectory(func(error) {})
		f.Append("a", 100)
		f.Sync(func(error) {})
		run(t, s, time.Second)
		f.Append("b", 100)
		f.Append("c", 100)
		d.TearNext()
		d.Crash()
		if got := describe(f.Records()); got != "a@0, b@100 torn" && got != "a@0" {
			t.Fatalf("got %q", got)
		}
		if f.Size() != 200 {
			t.Fatalf("%d bytes", f.Size())
		}
	})
	t.Run("rot", func(t *testing.T) {
		s, d := newDisk(t, Config{SectorBytes: 512})
		f := d.Open("f")
		for _, x := range []string{"a", "b", "c"} {
			f.Append(x, 500)
		}
		f.Sync(func(error) {})
		d.SyncDirectory(func(error) {})
		run(t, s, time.Second)
		if !d.Rot("f", 600) || d.Rot("f", 5000) || d.Rot("g", 0) {
			t.Fatal("rot where there is something, and only there")
		}
		if got := describe(f.Records()); got != "a@0, b@500 rotten, c@1000 rotten" {
			t.Fatalf("got %q", got)
		}
		d.Crash()
		if got := describe(f.Records()); got != "a@0, b@500 rotten, c@1000 rotten" {
			t.Fatalf("after a crash got %q", got)
		}
		if name, _ := d.RotSomewhere(""); name != "f" {
			t.Fatalf("rot in %q", name)
		}
	})
}

func TestLoadTakesTime(t *testing.T) {
	s, d := newDisk(t, Config{BytesPerSecond: 1000, ReadLatency: sim.Fixed(time.Second)})
	f := d.Open("f")
	f.Append("a", 2000)
	var at sim.Time
	f.Load(func(records []Record, err error) {
		at = s.Now()
		if describe(records) != "a@0" || err != nil {
			t.Errorf("got %q, %v", describe(records), err)
		}
	})
	run(t, s, time.Minute)
	if at.Duration() != 3*time.Second {
		t.Fatalf("loaded after %v", at)
	}
}

func TestTheDefaultDiskIsTheMeasuredOne(t *testing.T) {
	distribution := CloudSSD()
	samples := make([]time.Duration, 200_000)
	for i := range samples {
		samples[i] = distribution.Sample(sim.Mix(uint64(i), 7))
	}
	slices.Sort(samples)
	for _, c := range []struct {
		permyriad int
		want      time.Duration
	}{
		{5000, 780 * time.Microsecond}, {9900, 2380 * time.Microsecond}, {9950, 9600 * time.Microsecond}, {9990, 15800 * time.Microsecond},
	} {
		got := samples[len(samples)*c.permyriad/10_000]
		if got < c.want*8/10 || got > c.want*12/10 {
			t.Errorf("p%v is %v, measured %v", float64(c.permyriad)/100, got, c.want)
		}
	}
}

func TestEqualSeedsRepeatTheDigestAndTheWreck(t *testing.T) {
	episode := func(seed uint64) string {
		s, d := newSeededDisk(t, seed, Config{SyncLatency: CloudSSD(), SectorBytes: 512})
		f := d.Open("f")
		for i := range 100 {
			f.Append(i, 700)
			f.Sync(func(error) {})
			run(t, s, time.Millisecond)
		}
		d.Crash()
		return fmt.Sprintf("%x %s", s.Digest(), describe(f.Records()))
	}
	if a, b := episode(1), episode(1); a != b {
		t.Fatalf("one seed:\n%s\n%s", a, b)
	}
	if episode(1) == episode(2) {
		t.Fatal("two seeds, one wreck")
	}
}

func BenchmarkAppendSync(b *testing.B) {
	s, d := newDisk(b, Config{SyncLatency: CloudSSD()})
	f := d.Open("f")
	payload := new(int)
	left := b.N
	var again func(error)
	again = func(error) {
		if left--; left < 0 {
			return
		}
		if f.Size() > 64<<20 {
			f.Truncate(0)
		}
		f.Append(payload, 500)
		f.Sync(again)
	}
	b.ReportAllocs()
	b.ResetTimer()
	again(nil)
	for !s.Idle() {
		run(b, s, time.Second)
	}
}
