//! Which covariance of coefficients.

use serde::{Deserialize, Serialize};

/// Which covariance of the coefficients.
///
/// With bread `B = (X'WX)^-1`, scores `s_i = w_i u_i x_i` after sweeping and the corrections of
/// [`Ssc`](super::Ssc):
///
/// | variant | covariance |
/// |---|---|
/// | `Iid` | `B sum(w u^2) / (N - 1)` |
/// | `Hc1` | `B (sum s_i s_i') B`, corrected by N/(N - K) |
/// | `Hc2`, `Hc3` | the same with `s_i` divided by `(1 - h_i)^(1/2)` and `1 - h_i`, h the leverage, effects included |
/// | `Crv1` | `B (sum over clusters S_g S_g') B`; several variables by inclusion and exclusion |
/// | `Crv2` | `B (sum over clusters T_g S_g S_g' T_g') B`, where `T_g` is the root of `(I - H_gg)^-1`; t tests have Satterthwaite's degrees of freedom, one number a coefficient |
/// | `Crv3` | `sum over clusters (b_(-g) - b)(b_(-g) - b)'`, the jackknife; effects that cross clusters are swept out again without each cluster, models of the likelihood are fitted again |
/// | `NeweyWest` | `B (sum over l of (1 - l/(L + 1)) (C_l + C_l')) B`, `C_l` the products of scores of one unit l periods apart |
/// | `DriscollKraay` | the same with scores summed within periods |
/// | `Conley` | `B (sum over i, j within the cutoff of w_ij s_i s_j') B`, corrected by N/(N - K) as in fixest |
///
/// Distances between periods count the periods of the sample in their order; a unit without a row
/// in a period has no product there, whatever rows stand next to each other (pyfixest and fixest
/// pair neighbouring rows of a unit). The lag L is `floor(T^(1/4))` when not given. As in pyfixest,
/// HC2 and HC3 are corrected by N/(N - K) as HC1 is; [`Ssc::without_k`](super::Ssc::without_k) gives the textbook's.
///
/// A several-way or spatial covariance with negative eigenvalues has them set to zero, as fixest does
/// (pyfixest does not), and the account says so.
///
/// # References
///
/// - Liang, K.-Y. & Zeger, S. L. (1986). *Biometrika* 73(1), 13-22.
/// - `MacKinnon`, J. G. & White, H. (1985). Some heteroskedasticity-consistent covariance matrix
///   estimators with improved finite sample properties. *Journal of Econometrics* 29(3), 305-325.
/// - Newey, W. K. & West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
///   autocorrelation consistent covariance matrix. *Econometrica* 55(3), 703-708.
/// - Driscoll, J. C. & Kraay, A. C. (1998). Consistent covariance matrix estimation with spatially
///   dependent panel data. *Review of Economics and Statistics* 80(4), 549-560.
/// - Conley, T. G. (1999). GMM estimation with cross sectional dependence. *Journal of
///   Econometrics* 92(1), 1-45.
/// - Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2011). Robust inference with multiway
///   clustering. *Journal of Business & Economic Statistics* 29(2), 238-249.
/// - Bell, R. M. & `McCaffrey`, D. F. (2002). Bias reduction in standard errors for linear regression
///   with multi-stage samples. *Survey Methodology* 28(2), 169-181.
/// - Pustejovsky, J. E. & Tipton, E. (2018). Small-sample methods for cluster-robust variance
///   estimation and hypothesis testing in fixed effects models. *Journal of Business & Economic
///   Statistics* 36(4), 672-683.
/// - `MacKinnon`, J. G., Nielsen, M. O. & Webb, M. D. (2023). Fast and reliable jackknife and
///   bootstrap methods for cluster-robust inference. *Journal of Applied Econometrics* 38, 671-694.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Vcov {
    /// Independent errors of one variance.
    #[default]
    Iid,
    /// Independent errors of any variance (White).
    Hc1,
    /// As `Hc1`, each residual divided by the root of one minus its leverage.
    Hc2,
    /// As `Hc1`, each residual divided by one minus its leverage.
    Hc3,
    /// Errors dependent within clusters, by one variable or more.
    Crv1(Vec<String>),
    /// As `Crv1`, without bias where errors are independent (Bell & `McCaffrey`), by one variable.
    Crv2(String),
    /// The cluster jackknife, by one variable.
    Crv3(String),
    /// Errors dependent over periods, within units; without units over one series.
    NeweyWest {
        /// The column of periods.
        time: String,
        /// The column of units.
        panel: Option<String>,
        /// The longest distance in periods.
        lag: Option<usize>,
    },
    /// Errors dependent over periods, across all units.
    DriscollKraay {
        /// The column of periods.
        time: String,
        /// The longest distance in periods.
        lag: Option<usize>,
    },
    /// Errors dependent over space, between rows that are near each other.
    Conley {
        /// The column of latitudes, in degrees.
        latitude: String,
        /// The column of longitudes, in degrees.
        longitude: String,
        /// The longest distance, in km.
        cutoff: f64,
        /// How distances are measured.
        distance: Distance,
        /// What pairs within the distance count.
        kernel: Kernel,
    },
}

/// How the distance of two places is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Distance {
    /// On a plane, 111 km a degree, longitudes shrunk by the cosine of the mean latitude; good to
    /// a permille below 500 km. The default of fixest.
    #[default]
    Triangular,
    /// Along the great circle of a sphere of radius 6,376 km, as in fixest.
    Spherical,
}

/// What a pair within the longest distance counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Kernel {
    /// Fully, as in fixest; the covariance may then have negative eigenvalues.
    #[default]
    Uniform,
    /// Less with the distance, down to 0.
    Bartlett,
}

impl Vcov {
    /// Clustered by one variable.
    #[must_use]
    pub fn cluster(variable: impl Into<String>) -> Self {
        Self::Crv1(vec![variable.into()])
    }

    /// Clustered by several variables.
    #[must_use]
    pub fn clusters<S: Into<String>>(variables: impl IntoIterator<Item = S>) -> Self {
        Self::Crv1(variables.into_iter().map(Into::into).collect())
    }

    /// The cluster variables.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        match self {
            Self::Iid | Self::Hc1 | Self::Hc2 | Self::Hc3 | Self::Conley { .. } => Vec::new(),
            Self::NeweyWest { time, panel, .. } => {
                std::iter::once(time).chain(panel).cloned().collect()
            }
            Self::DriscollKraay { time, .. } => vec![time.clone()],
            Self::Crv1(variables) => variables.clone(),
            Self::Crv2(variable) | Self::Crv3(variable) => vec![variable.clone()],
        }
    }

    /// The columns of latitudes and longitudes.
    #[must_use]
    pub fn coordinates(&self) -> Vec<String> {
        match self {
            Self::Conley { latitude, longitude, .. } => vec![latitude.clone(), longitude.clone()],
            _ => Vec::new(),
        }
    }

    /// The covariance in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Iid => "iid".to_owned(),
            Self::Hc1 => "HC1".to_owned(),
            Self::Hc2 => "HC2".to_owned(),
            Self::Hc3 => "HC3".to_owned(),
            Self::Crv1(variables) => format!("CRV1 by {}", variables.join(" + ")),
            Self::Crv2(variable) => format!("CRV2 by {variable}"),
            Self::Crv3(variable) => format!("CRV3 by {variable}"),
            Self::NeweyWest { time, panel, lag } => {
                let units = panel.as_ref().map_or_else(String::new, |panel| format!(" by {panel}"));
                format!("Newey-West{units} over {time}{}", lag_text(*lag))
            }
            Self::Conley { latitude, longitude, cutoff, .. } => {
                format!("Conley by {latitude} and {longitude}, {cutoff} km")
            }
            Self::DriscollKraay { time, lag } => {
                format!("Driscoll-Kraay over {time}{}", lag_text(*lag))
            }
        }
    }
}

fn lag_text(lag: Option<usize>) -> String {
    lag.map_or_else(String::new, |lag| format!(", lag {lag}"))
}
