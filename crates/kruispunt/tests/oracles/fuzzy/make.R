# Memberships by cluster::fanny (R, GPL; run, not copied) of Hamming distances between sequences.
# Rscript make.R > expected.json
suppressMessages({library(cluster); library(jsonlite)})
set.seed(11)
n <- 60; length <- 16; states <- c("a", "b", "c")
start <- list(rep("a", 16), c(rep("a", 6), rep("b", 10)), rep("c", 16))
codes <- t(sapply(1:n, function(i) {
  own <- start[[1 + (i %% 3)]]
  noise <- runif(length) < 0.2
  own[noise] <- sample(states, sum(noise), replace = TRUE)
  own
}))
d <- matrix(0, n, n)
for (i in 1:n) for (j in 1:n) d[i, j] <- sum(codes[i, ] != codes[j, ])
out <- list(peer = paste("R", getRversion(), "cluster", packageVersion("cluster")),
            sequences = apply(codes, 1, paste, collapse = ""), fits = list())
for (e in c(1.2, 1.5, 2)) {
  f <- fanny(as.dist(d), k = 3, memb.exp = e, maxit = 20000, tol = 1e-15)
  out$fits[[length(out$fits) + 1]] <- list(exponent = e, membership = unname(as.matrix(f$membership)),
    objective = unname(f$objective[1]), dunn = unname(f$coeff[1]), steps = unname(f$convergence[1]))
}
cat(toJSON(out, digits = NA, auto_unbox = TRUE), "\n")
