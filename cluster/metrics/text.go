package metrics

import (
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

const nanosPerSecond = 1e9

// WriteText writes all series in Prometheus' text format, sorted, so that equal registries give equal bytes.
func (r *Registry) WriteText(w io.Writer) error {
	for _, name := range r.Names() {
		if _, err := expfmt.MetricFamilyToText(w, r.familyProto(name)); err != nil {
			return err
		}
	}
	return nil
}

// familyProto builds the exposition format's value of one family.
func (r *Registry) familyProto(name string) *dto.MetricFamily {
	f := &dto.MetricFamily{Name: &name, Type: protoType(r.families[name].kind)}
	r.EachOf(name, func(s *Series) {
		m := &dto.Metric{}
		for _, l := range s.Labels {
			m.Label = append(m.Label, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
		}
		switch s.Kind() {
		case KindCounter:
			m.Counter = &dto.Counter{Value: new(float64(s.Counter.Value()))}
		case KindGauge:
			m.Gauge = &dto.Gauge{Value: new(exportedValue(s.Gauge.Value(), s.Gauge.IsDuration()))}
		case KindHistogram:
			m.Histogram = histogramProto(s.Histogram)
		}
		f.Metric = append(f.Metric, m)
	})
	return f
}

func histogramProto(h *Histogram) *dto.Histogram {
	p := &dto.Histogram{
		SampleCount: new(uint64(h.Count())),
		SampleSum:   new(exportedValue(h.Sum(), h.IsDuration())),
	}
	h.Each(func(upperBound float64, cumulative int64) {
		p.Bucket = append(p.Bucket, &dto.Bucket{UpperBound: &upperBound, CumulativeCount: new(uint64(cumulative))})
	})
	return p
}

func exportedValue(v int64, duration bool) float64 {
	if duration {
		return float64(v) / nanosPerSecond
	}
	return float64(v)
}

func protoType(k Kind) *dto.MetricType {
	switch k {
	case KindCounter:
		return dto.MetricType_COUNTER.Enum()
	case KindGauge:
		return dto.MetricType_GAUGE.Enum()
	}
	return dto.MetricType_HISTOGRAM.Enum()
}
