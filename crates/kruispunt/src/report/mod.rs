//! Tables, flow diagrams and the page that holds them.
