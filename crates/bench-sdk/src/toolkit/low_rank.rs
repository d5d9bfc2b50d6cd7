//! Gradients of matrices in the coordinates of a few singular vectors (GaLore, arXiv:2403.03507; Fira, arXiv:2410.01623).

use crate::group::{Group, Update};
use crate::state::State;
use anyhow::{Context, Result, ensure};
use bench_workloads::Parameter;
use tch::{Kind, Tensor};

/// A basis of the gradient's leading singular vectors on the matrix' shorter side.
#[derive(Debug)]
pub struct Projection {
    /// The shorter side is that of the columns: the basis stands on the right.
    right: bool,
    /// `rank x columns` on the right, `rows x rank` on the left.
    basis: Tensor,
}

impl Projection {
    /// For a matrix of this shape, with zeros for a basis yet. The rank is at most that of the matrix.
    ///
    /// # Errors
    /// When the tensor is no matrix.
    pub fn new(matrix: &Tensor, rank: u64) -> Result<Projection> {
        let (rows, columns) = matrix.size2().context("only matrices are projected")?;
        let right = rows >= columns;
        let rank = i64::try_from(rank)?.min(rows).min(columns);
        let shape = if right { [rank, columns] } else { [rows, rank] };
        Ok(Projection {
            right,
            basis: Tensor::f_zeros(shape, (matrix.kind(), matrix.device()))?,
        })
    }

    /// The first singular vectors of a gradient, found in single precision as the authors do. Their signs are arbitrary. Unit vectors where the
    /// gradient is not finite, which has none.
    ///
    /// # Errors
    /// When the decomposition does not converge.
    pub fn fit(&mut self, gradient: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let rank = self.basis.size()[if self.right { 0 } else { 1 }];
        let basis = if gradient.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            let (rows, columns) = self.basis.size2()?;
            Tensor::f_eye_m(rows, columns, (Kind::Float, gradient.device()))?
        } else {
            let (u, _, v) = gradient.f_to_kind(Kind::Float)?.f_svd(true, true)?;
            if self.right {
                v.f_narrow(1, 0, rank)?.f_t_copy()?
            } else {
                u.f_narrow(1, 0, rank)?
            }
        };
        self.set(&basis)
    }

    /// The basis turned towards the first singular vectors by one step of orthogonal iteration, `qr(G G' P)`, in single precision: far cheaper
    /// than [`Projection::fit`], and as good where gradients change slowly (SOAP refreshes its bases so; Vyas et al., arXiv:2409.11321,
    /// algorithm 4). The first basis must be fitted. Stays as it is where the gradient is not finite.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn turn(&mut self, gradient: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        if gradient.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return Ok(());
        }
        let gradient = gradient.f_to_kind(Kind::Float)?;
        // As columns, on either side.
        let (gradient, basis) = match self.right {
            true => (gradient.f_tr()?, self.basis.f_tr()?),
            false => (gradient, self.basis.shallow_clone()),
        };
        let seen = gradient.f_tr()?.f_matmul(&basis.f_to_kind(Kind::Float)?)?;
        let (turned, _) = Tensor::f_linalg_qr(&gradient.f_matmul(&seen)?, "reduced")?;
        match self.right {
            true => self.set(&turned.f_tr()?),
            false => self.set(&turned),
        }
    }

    /// Takes a basis from elsewhere.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn set(&mut self, basis: &Tensor) -> Result<()> {
        self.basis.f_copy_(basis)?;
        Ok(())
    }

    /// A gradient in the basis' coordinates.
    ///
    /// # Errors
    /// When it has another shape than the matrix.
    pub fn project(&self, gradient: &Tensor) -> Result<Tensor> {
        let basis = self.basis.f_tr()?;
        Ok(if self.right {
            gradient.f_matmul(&basis)?
        } else {
            basis.f_matmul(gradient)?
        })
    }

    /// What coordinates mean in the matrix' own space. A product here and a pass afterwards take as long whatever the sides are; libtorch's `addmm`
    /// takes twice to three times as long as the product on the CPU where a side is no multiple of 8.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn back(&self, coordinates: &Tensor) -> Result<Tensor> {
        Ok(if self.right {
            coordinates.f_matmul(&self.basis)?
        } else {
            self.basis.f_matmul(coordinates)?
        })
    }
}

/// The matrices of a group that are projected, each with its basis, and the parameters that are not: vectors, kernels, empty matrices, and
/// all of a group of rank 0.
#[derive(Debug)]
pub struct LowRank {
    rank: u64,
    matrices: Vec<usize>,
    others: Vec<usize>,
    projections: Vec<Projection>,
    gap: u64,
    bases: Bases,
}

/// Where new bases come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bases {
    /// The gradient's singular vectors.
    Found,
    /// The old bases, turned towards them.
    Turned,
}

/// Whether a matrix is projected at this rank.
fn is_projected(parameter: &Parameter, rank: u64) -> bool {
    rank > 0 && parameter.tensor.dim() == 2 && parameter.tensor.numel() > 0
}

impl LowRank {
    /// Projections as the group's hyperparameters have them: of the rank `rank`, with new bases every `projection-gap` updates, by `bases`: `svd`, or
    /// `qr` for [`Projection::turn`] after the first.
    ///
    /// # Errors
    /// When a hyperparameter is missing or means nothing, or there is no memory.
    pub fn new(group: &Group) -> Result<LowRank> {
        let hyper = &group.hyperparameters;
        let (rank, gap) = (hyper.integer("rank")?, hyper.integer("projection-gap")?);
        ensure!(gap > 0, "`projection-gap` is 0");
        let bases = hyper.choice("bases", &[("svd", Bases::Found), ("qr", Bases::Turned)])?;
        let (matrices, others) = group.places(|parameter| is_projected(parameter, rank));
        let projections = matrices
            .iter()
            .map(|&place| Projection::new(&group.parameters[place].tensor, rank))
            .collect::<Result<_>>()?;
        Ok(LowRank {
            rank,
            matrices,
            others,
            projections,
            gap,
            bases,
        })
    }

    /// How many numbers a group's bases have, with so many averages in their coordinates, and as many of the parameters that are not projected.
    ///
    /// # Errors
    /// When there is no `rank`.
    pub fn state_size(group: &Group, averages: usize) -> Result<usize> {
        let rank = group.hyperparameters.integer("rank")?;
        let size = |parameter: &Parameter| match parameter.tensor.size().as_slice() {
            [rows, columns] if is_projected(parameter, rank) => {
                let (short, long) = (*rows.min(columns) as usize, *rows.max(columns) as usize);
                short.min(rank as usize) * (averages * long + short)
            }
            _ => averages * parameter.tensor.numel(),
        };
        Ok(group.parameters.iter().map(size).sum())
    }

    /// Places of the parameters that are not projected.
    pub fn others(&self) -> &[usize] {
        &self.others
    }

    /// Every projected matrix: its place in the group, and its projection.
    pub fn matrices(&self) -> impl ExactSizeIterator<Item = (usize, &Projection)> {
        self.matrices.iter().copied().zip(&self.projections)
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn matrix(&self, number: usize) -> (usize, &Projection) {
        (self.matrices[number], &self.projections[number])
    }

    /// New bases from this step's gradients, where they are due: the given ones where there are some.
    ///
    /// # Errors
    /// When a decomposition does not converge.
    pub fn renew(&mut self, update: &Update) -> Result<()> {
        if !(update.t - 1).is_multiple_of(self.gap) {
            return Ok(());
        }
        let find = match self.bases {
            Bases::Turned if update.t > 1 => Projection::turn,
            _ => Projection::fit,
        };
        for (&place, projection) in self.matrices.iter().zip(&mut self.projections) {
            let name = &update.parameters[place].name;
            match update.given.basis(update.t, name, &projection.basis)? {
                Some(basis) => projection.set(&basis)?,
                None => find(projection, &update.gradients[place])
                    .with_context(|| format!("no singular vectors of the gradient of `{name}`"))?,
            }
        }
        Ok(())
    }

    /// Zeros for every parameter of the group, those of a projected matrix in its coordinates: how moments begin.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn zeros(&self, group: &Group) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let mut zeros = group.zeros_of(|parameter| !is_projected(parameter, self.rank))?;
        for (place, projection) in self.matrices() {
            let matrix = &group.parameters[place].tensor;
            zeros[place] = projection.project(matrix)?.f_zero_()?;
        }
        Ok(zeros)
    }

    /// Visits the bases.
    ///
    /// # Errors
    /// Those of [`State::visit`].
    pub fn state(&mut self, state: &mut State) -> Result<()> {
        for (place, projection) in self.matrices.iter().zip(&mut self.projections) {
            state.visit(&format!("basis/{place}"), &mut projection.basis)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(tensor: &Tensor) -> f64 {
        tensor.double_value(&[])
    }

    /// A matrix of rank 2 is its own projection, on either side; of another, the rest is orthogonal to it.
    #[test]
    fn a_projection_keeps_the_leading_part() {
        tch::manual_seed(1);
        let normal =
            |rows, columns| Tensor::randn([rows, columns], (Kind::Double, tch::Device::Cpu));
        for (rows, columns) in [(7, 4), (4, 7), (5, 5), (1, 6), (6, 1)] {
            let rank = 2.min(rows).min(columns);
            let low = normal(rows, rank).matmul(&normal(rank, columns));
            let mut projection = Projection::new(&low, 2).unwrap();
            projection.fit(&low).unwrap();
            let there = projection.project(&low).unwrap();
            let rest = &low - projection.back(&there).unwrap();
            assert!(number(&rest.norm()) < 1e-5 * number(&low.norm()));

            let full = normal(rows, columns);
            projection.fit(&full).unwrap();
            let kept = projection.project(&full).unwrap();
            let rest = &full - projection.back(&kept).unwrap();
            let (all, part, left) = (full.norm(), kept.norm(), rest.norm());
            let pythagoras = number(&(&all * &all - &part * &part - &left * &left));
            let allowed = 1e-5 * number(&(&all * &all));
            assert!(pythagoras.abs() < allowed, "{rows}x{columns}: {pythagoras}");
        }
    }

    /// Turned again and again, a basis comes to span what the singular vectors span, and stays orthonormal.
    #[test]
    fn a_turned_basis_comes_to_the_leading_part() {
        tch::manual_seed(2);
        let normal =
            |rows, columns| Tensor::randn([rows, columns], (Kind::Float, tch::Device::Cpu));
        for (rows, columns) in [(9, 5), (5, 9)] {
            let short = rows.min(columns);
            let sizes = Tensor::from_slice(&[9.0_f32, 6.0, 1.0, 0.5, 0.2]).diag(0);
            let (left, _) = Tensor::linalg_qr(&normal(rows, short), "reduced");
            let (right, _) = Tensor::linalg_qr(&normal(columns, short), "reduced");
            let gradient = left.matmul(&sizes).matmul(&right.tr());
            let mut fitted = Projection::new(&gradient, 2).unwrap();
            fitted.fit(&gradient).unwrap();
            let mut turned = Projection::new(&gradient, 2).unwrap();
            turned.fit(&normal(rows, columns)).unwrap();
            for _ in 0..20 {
                turned.turn(&gradient).unwrap();
            }
            // Equal up to signs: products of one's vectors with the other's are 1 in size, or 0.
            let products = match fitted.right {
                true => fitted.basis.matmul(&turned.basis.tr()),
                false => fitted.basis.tr().matmul(&turned.basis),
            };
            let off = products.abs() - Tensor::eye(2, (Kind::Float, tch::Device::Cpu));
            assert!(number(&off.abs().max()) < 1e-4, "{rows}x{columns}");
            let before = turned.basis.copy();
            turned.turn(&(&gradient * f64::NAN)).unwrap();
            assert!(turned.basis == before);
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_projected_to_unit_vectors() {
        let matrix = Tensor::from_slice(&[f64::INFINITY, 1.0, 2.0, 3.0, 4.0, 5.0]).view([3, 2]);
        let mut projection = Projection::new(&matrix, 1).unwrap();
        projection.fit(&matrix).unwrap();
        let there = projection
            .project(&matrix.nan_to_num(0.0, 0.0, 0.0))
            .unwrap();
        assert_eq!(there.size(), [3, 1]);
        assert_eq!(there.double_value(&[2, 0]), 4.0);
    }
}
