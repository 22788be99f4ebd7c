package exact

import (
	"math"
	"testing"
)

func TestFunctionsAgreeWithTheStandardLibrary(t *testing.T) {
	for x := -20.0; x < 20; x += .37 {
		if got, want := Exp(x), math.Exp(x); math.Abs(got-want) > 1e-13*want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	for x := 1e-6; x < 1e6; x *= 1.7 {
		if got, want := Log(x), math.Log(x); math.Abs(got-want) > 1e-13*max(1, math.Abs(want)) {
			t.Errorf("Log(%v) = %v, want %v", x, got, want)
		}
	}
	for p := .001; p < 1; p += .013 {
		if got, want := NormalQuantile(p), math.Sqrt2*math.Erfinv(2*p-1); math.Abs(got-want) > 1e-9 {
			t.Errorf("NormalQuantile(%v) = %v, want %v", p, got, want)
		}
	}
}
