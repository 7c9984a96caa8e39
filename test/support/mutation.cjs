// For mutation testing: a mutant is noticed or it is not, and by the same worlds each time. The smallest world that notices it
// would take longer to find than all the others together.
require('fast-check').configureGlobal({ endOnFailure: true, seed: 20261123 });
