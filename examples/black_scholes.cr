# The price of a European call (Black and Scholes 1973).
spread = volatility * sqrt(expiry);
d1 = (log(spot / strike) + (rate + volatility**2 / 2) * expiry) / spread;
d2 = d1 - spread;
N1 = erfc(-d1 / sqrt(2)) / 2;
N2 = erfc(-d2 / sqrt(2)) / 2;
spot * N1 - strike * exp(-rate * expiry) * N2
