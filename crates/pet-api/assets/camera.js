// Takes a photograph with the camera of this computer.

const dialog = document.getElementById('camera-dialog');
const video = dialog.querySelector('video');
const problem = dialog.querySelector('.problem');
const take = dialog.querySelector('[value=take]');
const close = dialog.querySelector('[value=close]');

const PROBLEMS = {
  NotAllowedError: 'The browser is not allowed to use the camera.',
  NotFoundError: 'This computer has no camera.',
  NotReadableError: 'Another program is using the camera.',
};

async function begin() {
  problem.hidden = true;
  take.disabled = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    // Closed while the browser was asking for permission.
    if (!dialog.open) return end(stream);
    video.srcObject = stream;
    await video.play();
    take.disabled = false;
  } catch (error) {
    problem.textContent = PROBLEMS[error.name] ?? 'The camera does not work.';
    problem.hidden = false;
  }
}

function end(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function still() {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.92));
}

/** The photograph as a file, or nothing if the dialog was closed. */
export function takePicture() {
  return new Promise((done) => {
    take.onclick = async () => {
      const blob = await still();
      done(new File([blob], 'camera.jpg', { type: 'image/jpeg' }));
      dialog.close();
    };
    close.onclick = () => dialog.close();
    dialog.onclose = () => {
      end(video.srcObject);
      video.srcObject = null;
      done(null);
    };
    dialog.showModal();
    begin();
  });
}
