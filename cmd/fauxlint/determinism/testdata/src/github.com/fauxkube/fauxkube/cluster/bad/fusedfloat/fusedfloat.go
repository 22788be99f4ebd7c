package fusedfloat

func line(a, b, c float64) float64 {
	_ = float64(a*b) + c
	_ = 2.0*3.0 + c
	return a*b + c // want `fusedfloat: a floating-point product is added unrounded`
}

func whole(a, b, c int) int { return a*b + c }
