package determinism

// forbiddenCalls are package-level functions and variables that no simulated code may use: name to rule.
var forbiddenCalls = map[string]map[string]string{
	"time": {
		"Now": "clock", "Since": "clock", "Until": "clock", "Sleep": "clock", "After": "clock", "AfterFunc": "clock",
		"NewTimer": "clock", "NewTicker": "clock", "Tick": "clock", "Local": "zone", "LoadLocation": "zone",
	},
	"context":                              {"WithTimeout": "clock", "WithDeadline": "clock", "WithTimeoutCause": "clock", "WithDeadlineCause": "clock"},
	"os":                                   {"Getenv": "environment", "LookupEnv": "environment", "Environ": "environment", "Hostname": "environment", "Getpid": "environment"},
	"runtime":                              {"SetFinalizer": "finalizer", "AddCleanup": "finalizer", "NumGoroutine": "goroutine", "Gosched": "goroutine"},
	"sync":                                 {"Map": "syncmap", "Pool": "pool"},
	"k8s.io/apimachinery/pkg/apis/meta/v1": {"Now": "clock", "NowMicro": "clock"},
	"k8s.io/apimachinery/pkg/util/uuid":    {"NewUUID": "random"},
	"k8s.io/apimachinery/pkg/util/rand": {
		"Int": "random", "Intn": "random", "IntnRange": "random", "Int63nRange": "random", "Perm": "random", "String": "random", "Seed": "random",
	},
	"k8s.io/apimachinery/pkg/util/wait": {
		"Jitter": "random", "Until": "goroutine", "UntilWithContext": "goroutine", "JitterUntil": "goroutine", "Forever": "goroutine",
		"PollUntilContextTimeout": "clock", "PollUntilContextCancel": "clock", "ExponentialBackoff": "clock",
	},
}

// forbiddenImports are packages with nothing in them for simulated code: path to rule.
var forbiddenImports = map[string]string{
	"crypto/rand": "random", "hash/maphash": "maphash", "github.com/google/uuid": "random",
	"google.golang.org/protobuf/encoding/protojson": "protojson", "google.golang.org/protobuf/encoding/prototext": "protojson",
	"testing/synctest": "goroutine",
}

// seededRandom are the functions of math/rand and math/rand/v2 that draw from no global source.
var seededRandom = map[string]bool{
	"New": true, "NewSource": true, "NewPCG": true, "NewChaCha8": true, "NewZipf": true,
	"Rand": true, "Source": true, "Source64": true, "PCG": true, "ChaCha8": true, "Zipf": true,
}

// ordered are the functions that make an order out of a map's iterator.
var ordered = map[string]bool{"slices.Sorted": true, "slices.SortedFunc": true, "slices.SortedStableFunc": true, "maps.Collect": true, "maps.Insert": true}

// advice says what to do instead.
var advice = map[string]string{
	"clock":       "take time from the process's clocks",
	"zone":        "times are UTC",
	"environment": "configuration is passed in",
	"finalizer":   "the garbage collector's timing differs from run to run",
	"goroutine":   "start a task with Process.Go",
	"select":      "wait with Task.Wait",
	"channel":     "use sim.Queue, sim.Future or sim.Signal",
	"syncmap":     "one thread runs a simulation: a map will do",
	"pool":        "what a pool gives back depends on the garbage collector: keep a free list in the simulation",
	"random":      "draw from a sim.Stream",
	"maphash":     "its seed is random: use sim.HashString",
	"pointer":     "addresses differ from run to run",
	"protojson":   "its output is randomised on purpose",
	"maprange":    "range over slices.Sorted(maps.Keys(m)), or say why order does not matter with //sim:unordered <reason>",
	"fusedfloat":  "round the product, float64(a*b)+c: a fused multiply-add differs between processors",
	"truetime":    "simulated programs read the clocks of their process",
}
