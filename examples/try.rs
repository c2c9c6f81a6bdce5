use digit_adder::{data::*, gpu::{*, engine::*, adapter::*, shader::Library}, network::*, plans::Kind, random::*, train::*};
use std::{io::Read, sync::Arc, time::Instant};
fn idx(n:&str, skip:usize)->Vec<u8>{ let d=std::env::var("MNIST_DIR").unwrap(); let mut v=vec![]; flate2::read::GzDecoder::new(std::fs::File::open(format!("{d}/{n}.gz")).unwrap()).read_to_end(&mut v).unwrap(); v[skip..].to_vec() }
fn main(){
 let t=Instant::now();
 let ds=Dataset{origin:"x".into(),train:Split{images:idx("train-images-idx3-ubyte",16),labels:idx("train-labels-idx1-ubyte",8)},test:Split{images:idx("t10k-images-idx3-ubyte",16),labels:idx("t10k-labels-idx1-ubyte",8)}};
 let a=std::env::args().collect::<Vec<_>>(); let epochs:u32=a[1].parse().unwrap(); let batch:usize=a[2].parse().unwrap(); let n:usize=a[3].parse().unwrap();
 let kind=match a.get(4).map(|s|s.as_str()){Some("layered")=>Kind::Layered,_=>Kind::default()};
 let ad=choose(&Choice::default(),None).unwrap(); println!("{} {:?}",describe(&ad.get_info()),t.elapsed());
 let gpu=Arc::new(Gpu::open(&ad).unwrap());
 let sizes=Sizes::default();
 let mut e=GpuEngine::new(gpu,Kernels::new(Library::Embedded,false),kind,sizes,Settings{batch,loss:Loss::Logits},&sizes.initial_parameters(1),&ds).unwrap();
 println!("engine {:?}",t.elapsed());
 e.prepare().unwrap(); println!("prepared {:?}",t.elapsed());
 let st=e.training_plan().unwrap(); { let p=&st.program; let ts=st.time_steps(e.gpu(),100).unwrap(); let mut tot=0.; for (d,t) in p.dispatches.iter().zip(ts){ tot+=t; println!("{:8} {:20} {:16} {:8.1} us",d.layer,d.shader,d.entry,t*1e6);} println!("sum {:.1} us prepared {:?}",tot*1e6,t.elapsed()); }
 for ep in 0..epochs { let s=Instant::now();
  let mut r=Random::new(1,Purpose::Addends,ep);
  let addends:Vec<u8>=(0..60000).map(|_|r.below(10) as u8).collect();
  let mut order=Random::new(1,Purpose::Order,ep).permutation(60000); order.truncate(n);
  let m=e.train_epoch(&Epoch{order,addends,learning_rate:1e-3},&mut|_|{}).unwrap();
  println!("epoch {} {:?} {:.0} img/s",ep+1,m,n as f64/s.elapsed().as_secs_f64());
  let s=Instant::now(); let m=e.evaluate(&vec![3;10000]).unwrap(); println!("  test {:?} {:?}",m,s.elapsed());
 }
}
