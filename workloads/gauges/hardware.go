package gauges

// model is what the gauges know of a GPU model.
type model struct {
	// idleWatts and maxWatts of one GPU.
	idleWatts, maxWatts int64
	// centsPerHour is the price of one GPU.
	centsPerHour int64
}

// models is the table. maxWatts are the boards' limits in NVIDIA's data sheets: P100 PCIe 250 W, T4 70 W, V100 SXM2
// 300 W, A10 150 W. Assumed: G2 as the A10 and G3 as an A100 SXM (400 W), which their nodes' sizes suggest; idle power a
// tenth of the maximum and 10 W at least; prices by the hour after public on-demand prices of instances with one such GPU
// in 2024, the share of their CPUs taken off.
var models = map[string]model{
	"P100":    {25, 250, 130},
	"T4":      {10, 70, 35},
	"V100M16": {30, 300, 220},
	"V100M32": {30, 300, 260},
	"A10":     {15, 150, 75},
	"G2":      {15, 150, 75},
	"G3":      {40, 400, 300},
}

// unknownModel stands for all others: the mean of the table, about.
var unknownModel = model{25, 250, 150}

// A socket is an Intel Xeon E5-2682 v4, common in the cluster of the traces: 16 cores of two threads, 120 W in Intel's
// data sheet. Assumed: 15 W when idle, and 4 cents for a thread's hour.
const (
	socketMilli        = 32_000
	socketMaxWatts     = 120
	socketIdleWatts    = 15
	threadCentsPerHour = 4
)

func modelOf(name string) model {
	m, ok := models[name]
	if !ok {
		return unknownModel
	}
	return m
}
