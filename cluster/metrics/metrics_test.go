package metrics

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"
)

func TestHandlesAreSharedByNameAndLabels(t *testing.T) {
	r := NewRegistry()
	a := r.Counter("requests_total", "verb", "GET", "code", "200")
	b := r.Counter("requests_total", "code", "200", "verb", "GET")
	c := r.Counter("requests_total", "code", "201", "verb", "GET")
	a.Inc()
	b.Add(2)
	c.Inc()
	if a != b || a == c || a.Value() != 3 {
		t.Fatalf("a %v b %v c %v", a, b, c)
	}
	if got := r.Sum("requests_total", "verb", "GET"); got != 4 {
		t.Errorf("Sum over codes %d", got)
	}
	if got := r.Sum("requests_total", "code", "201"); got != 1 {
		t.Errorf("Sum of one code %d", got)
	}
	if got := r.Sum("unknown"); got != 0 {
		t.Errorf("Sum of nothing %d", got)
	}
}

func TestViewAddsItsLabelsToTheSameRegistry(t *testing.T) {
	r := NewRegistry()
	r.With("instance", "cp-1").Gauge("up").Set(1)
	r.With("instance", "cp-2").Gauge("up").Set(1)
	r.With("instance", "cp-2").Gauge("up", "instance", "cp-3").Set(1)
	var names []string
	r.Each(func(s *Series) { names = append(names, s.String()) })
	want := []string{`up{instance="cp-1"}`, `up{instance="cp-2"}`, `up{instance="cp-3"}`}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestOneNameIsOfOneKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a counter was handed out as a gauge")
		}
	}()
	r := NewRegistry()
	r.Counter("x")
	r.Gauge("x")
}

func TestEachIsSorted(t *testing.T) {
	r := NewRegistry()
	for _, name := range []string{"b", "a", "c"} {
		for _, v := range []string{"2", "10", "1"} {
			r.Counter(name, "v", v)
		}
	}
	var names []string
	r.Each(func(s *Series) { names = append(names, s.String()) })
	if !slices.IsSorted(names) || len(names) != 9 {
		t.Errorf("%v", names)
	}
}

// nearestRankOf is the definition: the smallest value at or below which at least q of all values lie.
func nearestRankOf(values []int64, permille int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	for i, v := range sorted {
		if int64(i+1)*1000 >= permille*int64(len(values)) {
			return v
		}
	}
	return sorted[len(sorted)-1]
}

func TestQuantilesOfFewValuesAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 300).Draw(rt, "values")
		h := newHistogram(otherSeconds)
		for _, v := range values {
			h.Observe(time.Duration(v))
		}
		permille := rapid.Int64Range(0, 1000).Draw(rt, "permille")
		if got, want := h.Quantile(float64(permille)/1000), nearestRankOf(values, permille); got != want {
			rt.Fatalf("quantile %d/1000 is %d, want %d", permille, got, want)
		}
	})
}

func TestQuantilesOfManyValuesAreWithinATenthOfAPercent(t *testing.T) {
	h := newHistogram(otherSeconds)
	var values []int64
	v := int64(88172645463325252)
	for range 3 * exactValues {
		v ^= v << 13
		v ^= int64(uint64(v) >> 7)
		v ^= v << 17
		d := int64(uint64(v)%uint64(time.Second)) + 1000
		values = append(values, d)
		h.Observe(time.Duration(d))
	}
	if h.Exact() {
		t.Fatal("still exact")
	}
	for _, permille := range []int64{1, 10, 500, 900, 950, 990, 999, 1000} {
		got, want := h.Quantile(float64(permille)/1000), nearestRankOf(values, permille)
		if math.Abs(float64(got-want)) > float64(want)/1000 {
			t.Errorf("quantile %d/1000 is %d, want %d", permille, got, want)
		}
	}
	if h.Max() != slices.Max(values) || h.Min() != slices.Min(values) || h.Count() != int64(len(values)) {
		t.Errorf("min %d max %d count %d", h.Min(), h.Max(), h.Count())
	}
}

func TestValueOnABoundBelongsToItsBucket(t *testing.T) {
	h := NewRegistry().Histogram("apiserver_request_duration_seconds")
	h.Observe(5 * time.Millisecond)
	h.Observe(5*time.Millisecond + 1)
	h.Observe(61 * time.Second)
	counts := map[float64]int64{}
	h.Each(func(bound float64, n int64) { counts[bound] = n })
	if counts[.005] != 1 || counts[.025] != 2 || counts[60] != 2 || counts[math.Inf(1)] != 3 {
		t.Errorf("%v", counts)
	}
}

func TestBucketsAreUpstreamsToTheLastBit(t *testing.T) {
	for name, want := range map[string][]float64{
		"scheduler_plugin_execution_duration_seconds":   prometheus.ExponentialBuckets(.00001, 1.5, 20),
		"scheduler_pod_scheduling_sli_duration_seconds": prometheus.ExponentialBuckets(.01, 2, 20),
		"workqueue_queue_duration_seconds":              prometheus.ExponentialBuckets(10e-7, 10, 10),
		"scheduler_pod_scheduling_attempts":             prometheus.ExponentialBuckets(1, 2, 5),
		"some_other_seconds":                            prometheus.DefBuckets,
	} {
		if got := layoutOf(name).exported; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestEveryLayoutAscends(t *testing.T) {
	for name, l := range layouts {
		if !slices.IsSorted(l.bounds) || len(slices.Compact(slices.Clone(l.bounds))) != len(l.bounds) {
			t.Errorf("%s: bounds %v", name, l.bounds)
		}
	}
}

func TestTextIsWhatPrometheusReads(t *testing.T) {
	r := NewRegistry()
	r.Counter("apiserver_request_total", "verb", "GET", "code", "200").Add(7)
	r.Gauge("workqueue_depth", "name", "deployment").Set(3)
	r.Gauge("process_start_time_seconds").SetDuration(1500 * time.Millisecond)
	r.Histogram("workqueue_queue_duration_seconds", "name", "deployment").Observe(2 * time.Microsecond)
	var text, again bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteText(&again); err != nil || !bytes.Equal(text.Bytes(), again.Bytes()) {
		t.Fatal("two renderings differ", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		t.Fatal(err)
	}
	if v := families["apiserver_request_total"].Metric[0].Counter.GetValue(); v != 7 {
		t.Errorf("counter %v", v)
	}
	if v := families["process_start_time_seconds"].Metric[0].Gauge.GetValue(); v != 1.5 {
		t.Errorf("gauge %v", v)
	}
	h := families["workqueue_queue_duration_seconds"].Metric[0].Histogram
	if h.GetSampleCount() != 1 || h.GetSampleSum() != 2e-6 || len(h.Bucket) != 11 || h.Bucket[0].GetCumulativeCount() != 0 || h.Bucket[1].GetCumulativeCount() != 1 {
		t.Errorf("histogram %v", h)
	}
}

func TestThroughputIsScheduler_perfs(t *testing.T) {
	var c Throughput
	if _, any := c.Summary(); any {
		t.Error("a summary of nothing")
	}
	// Two empty ticks, the base, 100 pods, two ticks without progress, then 30 pods in three seconds.
	for tick, scheduled := range []int{0, 0, 50, 150, 150, 150, 180} {
		c.Sample(time.Duration(tick)*time.Second, scheduled)
	}
	got, _ := c.Summary()
	want := ThroughputSummary{Average: 32.5, Perc50: 10, Perc90: 100, Perc95: 100, Perc99: 100, Samples: 4}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMergedIsOneHistogramOfAllMatchingSeries(t *testing.T) {
	for _, n := range []int{10, exactValues - 5, 2 * exactValues} {
		r := NewRegistry()
		var matching []int64
		for i := range n {
			v := int64(i*7919%n+1) * 1000
			verb := []string{"GET", "PUT"}[i%2]
			r.Histogram("x_seconds", "verb", verb, "code", "200").Observe(time.Duration(v))
			r.Histogram("x_seconds", "verb", "LIST", "code", "500").Observe(time.Hour)
			matching = append(matching, v)
		}
		got := r.Merged("x_seconds", "code", "200")
		if got.Count() != int64(n) || got.Max() != slices.Max(matching) || got.Min() != slices.Min(matching) {
			t.Fatalf("%d values: count %d, %d to %d", n, got.Count(), got.Min(), got.Max())
		}
		for _, permille := range []int64{10, 500, 990} {
			have, want := got.Quantile(float64(permille)/1000), nearestRankOf(matching, permille)
			if math.Abs(float64(have-want)) > float64(want)/1000+1000 {
				t.Errorf("%d values: quantile %d/1000 is %d, want %d", n, permille, have, want)
			}
		}
	}
	if NewRegistry().Merged("x_seconds").Count() != 0 {
		t.Error("something out of nothing")
	}
}

func BenchmarkHistogramObserve(b *testing.B) {
	h := NewRegistry().Histogram("apiserver_request_duration_seconds")
	for i := range b.N {
		h.Observe(time.Duration(i%1000) * time.Millisecond)
	}
}
